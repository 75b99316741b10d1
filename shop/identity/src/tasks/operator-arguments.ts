import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { toError } from '@flotilla/kernel';
import { taskError } from '@flotilla/process';
import type { Operator } from '../operator-audit.ts';

export interface OperatorArguments extends Operator {
  readonly positionals: readonly string[];
  readonly asJson: boolean;
}

/** `--by`, `--reason` and `--json`, as commands of `flotilla` have them. Throws `TASK_USAGE`. */
export function operatorArguments(args: readonly string[], usage: string): OperatorArguments {
  const { values, positionals } = parse(args, usage);
  const reason = values.reason?.trim() ?? '';
  if (reason === '') throw taskError('TASK_USAGE', `a change is recorded with its reason; usage: ${usage}`);
  return { by: values.by ?? userInfo().username, reason, asJson: values.json, positionals };
}

function parse(args: readonly string[], usage: string) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        by: { type: 'string' },
        reason: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (thrown) {
    throw taskError('TASK_USAGE', `${toError(thrown).message}; usage: ${usage}`);
  }
}
