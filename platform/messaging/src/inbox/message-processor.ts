import { backoffMs, type Clock, crashPoint, type Lock, pause, toError } from '@flotilla/kernel';
import type { Delivery, Settlement } from '../transport.ts';
import { isConnectionLoss } from './failure.ts';
import type { HeldMessages, SetAsideOptions } from './held-messages.ts';
import { type Arrival, type Decode, giveUp, isReadable, type Task, type Unknown } from './task.ts';
import { createTaskBatches, type TaskBatchesOptions } from './task-batches.ts';

export interface ProcessorOptions extends Omit<TaskBatchesOptions, 'setAside'> {
  readonly held: HeldMessages;
  readonly decode: Decode;
  readonly lock: Lock;
  readonly clock: Clock;
  /** Something was set aside that is due now. */
  readonly onDue: () => void;
}

/**
 * Makes deliveries into effects, each once. Several are tried in one transaction; when that fails each runs alone, so
 * that only the failing one is counted as failed. What fails, may have ended a process, has a type that is not handled
 * here, or waits behind such a message goes to the held messages.
 */
export function createMessageProcessor(options: ProcessorOptions) {
  const { held, settling, decode, lock, clock, logger, closing } = options;
  const handleTasks = createTaskBatches({
    ...options,
    setAside: (tasks, waiting, done) => setAside(tasks, waiting, { starts: false }, done),
  });
  let troubles = 0;

  /** Returns those of `tasks` that are still to be handled: a key may have been let go meanwhile. */
  async function setAside(
    tasks: readonly Task[],
    aside: readonly (Task | Unknown)[],
    how: SetAsideOptions,
    done: Set<Arrival>,
  ): Promise<readonly Task[]> {
    if (aside.length === 0) return tasks;
    crashPoint('consumer.before-set-aside');
    const settled = await settling.patiently(() => held.setAside(aside, how));
    crashPoint('consumer.after-set-aside');
    const gone = new Set(aside.filter(({ inboxId }) => settled.has(inboxId)));
    settling.count('aside', gone.size);
    for (const { arrival } of gone) done.add(arrival);
    if (how.starts) options.onDue();
    return tasks.filter((task) => !gone.has(task));
  }

  /** Those that somebody can work on; the others are given up. */
  async function readAll(
    deliveries: readonly Delivery[],
    done: Set<Arrival>,
  ): Promise<readonly (Task | Unknown)[]> {
    const readable: (Task | Unknown)[] = [];
    for (const delivery of deliveries) {
      const decoded = decode(delivery);
      if (!isReadable(decoded)) await settling.bury(decoded);
      else if (delivery.givenUp !== undefined) await settling.bury(giveUp(decoded, delivery.givenUp));
      else {
        readable.push(decoded);
        continue;
      }
      done.add(delivery);
    }
    return readable;
  }

  async function handleAll(deliveries: readonly Delivery[], done: Set<Arrival>): Promise<void> {
    const readable = await readAll(deliveries, done);
    const suspects = new Set<Arrival>(deliveries.filter(({ suspect }) => suspect));
    const notNow = readable.filter((one) => suspects.has(one.arrival) || 'unknownType' in one);
    // With such a one goes everything of its key, else what comes before it in the batch would be behind it then.
    const keys = new Set(notNow.map(({ arrival }) => arrival.key));
    const aside = readable.filter(({ arrival }) => keys.has(arrival.key));
    const tasks = readable.filter((one) => 'work' in one);
    await handleTasks(await setAside(tasks, aside, { starts: true, suspects }, done), done);
  }

  return async (deliveries: readonly Delivery[]): Promise<readonly Settlement[]> => {
    const done = new Set<Arrival>();
    const leave = await lock.shared();
    try {
      await handleAll(deliveries, done);
      troubles = 0;
    } catch (error) {
      troubles += 1;
      if (!closing.aborted || !isConnectionLoss(error)) {
        logger.error({ err: toError(error) }, 'messages could not be settled, they are handed out again');
        await pause(clock, backoffMs(troubles, 100, 5_000), closing);
      }
    } finally {
      leave();
    }
    settling.count('release', deliveries.length - done.size);
    return deliveries.map((delivery) => (done.has(delivery) ? 'done' : 'release'));
  };
}
