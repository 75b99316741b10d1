import { flag, type Invocation } from '../../command-line/command.ts';
import { thereIsNo } from '../../command-line/there-is-no.ts';
import { cliError } from '../../errors.ts';
import { type KnownQueue, withQueues } from '../../queues/open-queues.ts';
import { messagesOf, queueTable } from '../../queues/queue-view.ts';
import { confirm } from '../confirm.ts';
import { operatorOf } from '../operator.ts';

/** `flotilla queue`: the queues lie on the bus that all services share. */
export async function runQueue(verb: 'list' | 'drop', invocation: Invocation): Promise<number> {
  return await (verb === 'list' ? list(invocation) : drop(invocation));
}

async function list(invocation: Invocation): Promise<number> {
  const queues = await withQueues(invocation, (open) => open.list());
  const rows = queues.map((one) => ({ ...one, oldestAgeSeconds: one.oldestAgeSeconds ?? null }));
  console.log(flag(invocation.values, 'json') ? JSON.stringify(rows, null, 2) : queueTable(queues));
  return 0;
}

async function drop(invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const [name = ''] = positionals;
  const how = { ...operatorOf(values), force: flag(values, 'force') };
  return await withQueues(invocation, async (open) => {
    const queues = await open.list();
    const found = queues.find(({ queue }) => queue === name);
    const unknown = cliError(
      'CLI_NOT_FOUND',
      thereIsNo(
        'queue',
        name,
        queues.map(({ queue }) => queue),
      ),
    );
    if (found === undefined) throw unknown;
    if (found.state !== 'gone' && !how.force) throw inUse(found);
    if (!flag(values, 'yes')) {
      const what = `the queue ${name} with ${messagesOf(found)} that ${found.subscriber} has not handled`;
      await confirm({ what: [what], otherwise: 'nothing was deleted' });
    }
    const outcome = await open.drop(name, how);
    if (outcome.kind === 'unknown') throw unknown;
    if (outcome.kind === 'in-use') throw inUse(found);
    const { messages, isEstimate } = outcome;
    const text = `Dropped ${name} with ${messagesOf(outcome)}.`;
    console.log(flag(values, 'json') ? JSON.stringify({ queue: name, messages, isEstimate }) : text);
    return 0;
  });
}

function inUse({ queue, subscriber, state }: KnownQueue): Error {
  const why = state === 'idle' ? `${subscriber} is configured, it comes back for them` : 'a consumer lives';
  return cliError('CLI_QUEUE_IN_USE', `${queue} is in use: ${why}. With --force its messages are lost`);
}
