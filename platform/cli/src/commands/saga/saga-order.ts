import type { SagaOrder, SagaVerb } from '@flotilla/saga/desk';
import { number, text, type Values } from '../../command-line/command.ts';
import { cliError } from '../../errors.ts';
import { operatorOf } from '../operator.ts';

/** What the user asks for. Throws `CLI_USAGE` when something that the verb needs is missing. */
export function readOrder(verb: string, values: Values, seenChanges: number): SagaOrder {
  return {
    ...readVerb(verb, values),
    ...operatorOf(values),
    expectedChanges: number(values, 'changes') ?? seenChanges,
  };
}

function readVerb(verb: string, values: Values): SagaVerb {
  switch (verb) {
    case 'retry':
    case 'compensate':
    case 'complete':
      return { verb };
    case 'skip': {
      const step = text(values, 'step');
      const result = text(values, 'result');
      return {
        verb,
        ...(step !== undefined && { step }),
        ...(result !== undefined && { result: parseJson('result', result) }),
      };
    }
    case 'edit':
      return { verb, data: parseObject('data', required(values, verb, 'data')) };
    case 'cancel':
      return { verb, code: text(values, 'code') ?? 'operator' };
    case 'migrate': {
      const to = number(values, 'to');
      if (to === undefined) throw cliError('CLI_USAGE', 'saga migrate needs --to: the version it becomes');
      return { verb, to };
    }
    default:
      throw new TypeError(`saga has no verb ${verb}`);
  }
}

function required(values: Values, verb: string, name: string): string {
  const value = text(values, name);
  if (value === undefined) throw cliError('CLI_USAGE', `saga ${verb} needs --${name}`);
  return value;
}

function parseJson(name: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw cliError('CLI_USAGE', `--${name} must be JSON: ${(error as Error).message}`, error);
  }
}

function parseObject(name: string, value: string): object {
  const parsed = parseJson(name, value);
  if (typeof parsed !== 'object' || parsed === null)
    throw cliError('CLI_USAGE', `--${name} must be a JSON object`);
  return parsed;
}
