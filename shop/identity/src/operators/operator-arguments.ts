import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { toError } from '@flotilla/kernel';
import { taskError } from '@flotilla/process';
import type { Operator } from '../operator-audit.ts';

export interface GivenArguments {
  readonly by: string | undefined;
  readonly reason: string | undefined;
  readonly positionals: readonly string[];
  readonly asJson: boolean;
}

/** `--by`, `--reason` and `--json`, as commands of `flotilla` have them. Throws `TASK_USAGE`. */
export function parseOperatorArguments(args: readonly string[], usage: string): GivenArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        by: { type: 'string' },
        reason: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    return { by: values.by, reason: values.reason, asJson: values.json, positionals };
  } catch (thrown) {
    throw taskError('TASK_USAGE', `${toError(thrown).message}; usage: ${usage}`);
  }
}

/** Of who changes something. Throws `TASK_USAGE` without a reason. */
export function operatorOf(
  { by, reason = '' }: Pick<GivenArguments, 'by' | 'reason'>,
  usage: string,
): Operator {
  if (reason.trim() === '')
    throw taskError('TASK_USAGE', `a change is recorded with its reason; usage: ${usage}`);
  return { by: by ?? userInfo().username, reason: reason.trim() };
}
