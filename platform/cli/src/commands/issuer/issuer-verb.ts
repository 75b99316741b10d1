import { type Command, flag, type Invocation, JSON_OPTION } from '../../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../../command-line/place.ts';
import { textOf } from '../../command-line/value-kinds.ts';
import { connectControl } from '../../control/client.ts';
import { cliError } from '../../errors.ts';
import { findRoot, loadSystem } from '../../load-system.ts';
import { OPERATOR_OPTIONS, operatorOf } from '../operator.ts';
import { runProgram } from '../run.ts';

/** One verb of a task of the service that issues tokens, whichever that is. */
export interface IssuerVerb {
  readonly name: string;
  readonly summary: string;
  readonly task: string;
  /** What the task is given in front of the arguments. */
  readonly action?: string;
  /** Name of the argument; without one there is none. */
  readonly takes?: string;
  /** It is done for a reason, on the record. */
  readonly isChange: boolean;
  readonly example: string;
}

export function issuerVerb({ name, summary, takes, isChange, example, ...verb }: IssuerVerb): Command {
  return {
    name,
    summary,
    ...(takes !== undefined && { arguments: [{ kind: textOf(takes) }] }),
    options: { ...JSON_OPTION, ...(isChange && OPERATOR_OPTIONS), ...DATA_DIR_OPTION },
    example,
    run: async (invocation) => {
      const { values, positionals } = invocation;
      const operator = isChange ? operatorOf(values) : undefined;
      const recorded = operator ? ['--by', operator.by, '--reason', operator.reason] : [];
      const json = flag(values, 'json') ? ['--json'] : [];
      // What is given may begin with a dash: it stands behind the end of the options.
      const given = [...(verb.action === undefined ? [] : [verb.action]), ...positionals];
      return await runIssuerTask(invocation, verb.task, [...recorded, ...json, '--', ...given]);
    },
  };
}

async function runIssuerTask(invocation: Invocation, task: string, args: readonly string[]): Promise<number> {
  const { services } = await loadSystem(findRoot(invocation.cwd));
  const [issuer] = Object.entries(services).find(
    ([, { issuesTokens = false, tasks = {} }]) => issuesTokens && Object.hasOwn(tasks, task),
  ) ?? [undefined];
  if (issuer === undefined)
    throw cliError('CLI_UNKNOWN_SERVICE', `no service here issues tokens and has the task ${task}`);
  const program = await connectControl(placeOf(invocation)).task(issuer, task);
  return await runProgram(program, args, invocation.cwd);
}
