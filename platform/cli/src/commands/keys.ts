import { connectControl } from '../control/client.ts';
import { cliError } from '../errors.ts';
import { findRoot, loadSystem } from '../system/load-system.ts';
import { type Command, flag, JSON_OPTION } from './command.ts';
import { OPERATOR_OPTIONS, operatorOf } from './operator.ts';
import { DATA_DIR_OPTION, placeOf } from './place.ts';
import { runProgram } from './run.ts';

/** The task by which a service that issues tokens gets new keys. */
const TASK = 'rotate-keys';

const rotate: Command = {
  name: 'rotate',
  summary: 'makes new signing keys, which are published long before they sign: nobody is refused',
  options: { ...JSON_OPTION, ...OPERATOR_OPTIONS, ...DATA_DIR_OPTION },
  example: "keys rotate --reason 'once a year'",
  run: async (invocation) => {
    const { by, reason } = operatorOf(invocation.values);
    const { services } = await loadSystem(findRoot(invocation.cwd));
    const [issuer] = Object.entries(services).find(
      ([, { issuesTokens = false, tasks = {} }]) => issuesTokens && Object.hasOwn(tasks, TASK),
    ) ?? [undefined];
    if (issuer === undefined)
      throw cliError('CLI_UNKNOWN_SERVICE', `no service here issues tokens and has the task ${TASK}`);
    const program = await connectControl(placeOf(invocation)).task(issuer, TASK);
    const json = flag(invocation.values, 'json') ? ['--json'] : [];
    return await runProgram(program, ['--by', by, '--reason', reason, ...json], invocation.cwd);
  },
};

export const keys: Command = {
  name: 'keys',
  summary: 'the keys that sign tokens',
  commands: [rotate],
};
