import { type Command, type Invocation, JSON_OPTION } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { textOf } from '../command-line/value-kinds.ts';
import { OPERATOR_OPTIONS } from './operator.ts';

const run = (verb: 'list' | 'drop') => async (invocation: Invocation) =>
  (await import('./queue/queue.ts')).runQueue(verb, invocation);

export const queue: Command = {
  name: 'queue',
  summary: 'shows the queues of the bus, deletes one that nobody consumes any more',
  commands: [
    {
      name: 'list',
      summary: 'queues: what waits, how long, who consumes; `gone`: its service is not configured any more',
      options: { ...JSON_OPTION, ...DATA_DIR_OPTION },
      example: 'queue list',
      run: run('list'),
    },
    {
      name: 'drop',
      summary: 'deletes a queue with all its messages; nothing is routed to it any more',
      arguments: [{ kind: textOf('queue') }],
      options: {
        yes: { help: 'does not ask' },
        force: { help: 'also when its service is configured or a consumer lives' },
        ...OPERATOR_OPTIONS,
        ...JSON_OPTION,
        ...DATA_DIR_OPTION,
      },
      example: "queue drop shipping --reason 'the service was retired'",
      run: run('drop'),
    },
  ],
};
