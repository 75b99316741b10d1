import { type Lock, type Rest, startLoop, toError } from '@flotilla/kernel';
import { createHeldBatches, type HeldBatchesOptions, type Taken } from './held-batches.ts';

export interface HeldRunnerOptions extends HeldBatchesOptions {
  readonly lock: Lock;
  /** Keys in work at once. */
  readonly concurrency: number;
}

/** Handles held messages when their keys are due. Any number of processes share this work. */
export interface HeldRunner {
  wake(): void;
  /** Takes nothing new, waits for what runs. */
  stop(): Promise<void>;
}

/** Then other messages have their turn. */
const MAX_SUSPECTS_IN_A_ROW = 50;

export function startHeldRunner(options: HeldRunnerOptions): HeldRunner {
  const { held, lock, concurrency, pollIntervalMs, clock, logger, closing } = options;
  const batches = createHeldBatches(options);
  const running = new Set<Promise<void>>();

  async function takeAndStart(): Promise<boolean | Rest> {
    if (running.size >= concurrency) return false;
    const leave = await lock.shared();
    const taken = await batches.take().catch((error: unknown) => {
      leave();
      throw error;
    });
    if (!taken || taken.first.suspect) leave();
    if (!taken) return held.mayBeSome() ? false : {};
    if (taken.first.suspect) await lock.exclusive(handleSuspects);
    else start(taken, leave);
    return true;
  }

  function start(taken: Taken, leave: () => void): void {
    const run = batches
      .handle(taken)
      .catch((error: unknown) =>
        logger.error({ err: toError(error) }, 'held messages could not be settled, they stay held'),
      )
      .finally(() => {
        leave();
        running.delete(run);
        loop.wake();
      });
    running.add(run);
  }

  /** One after the other, with nothing else in work. A vanished process leaves many, and most are innocent. */
  async function handleSuspects(): Promise<void> {
    for (let handled = 0; handled < MAX_SUSPECTS_IN_A_ROW && !closing.aborted; handled += 1) {
      const taken = await batches.takeAlone();
      if (taken) await batches.handle(taken);
      if (!taken?.first.suspect) return;
    }
  }

  const loop = startLoop({
    name: 'held-messages',
    run: takeAndStart,
    intervalMs: pollIntervalMs,
    restIntervalMs: 2 * pollIntervalMs, // operators wait for what they redrive
    clock,
    logger,
  });

  return {
    wake: loop.wake,
    stop: async () => {
      await loop.stop();
      await Promise.all(running);
    },
  };
}
