import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';

export interface LoopOptions {
  /** Named in the log when it fails. */
  readonly name: string;
  /** One round; resolves with the pause before the next, 0 for none. Throwing backs off: 100 ms to 5 s with jitter. */
  readonly round: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Work that goes on until it is stopped, whatever fails in between. */
export interface Loop {
  /** Ends the pause, or makes the running round be followed by another at once. */
  wake(): void;
  /** Resolves once the running round has ended. */
  stop(): Promise<void>;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

export function startLoop({ name, round, clock, logger, random }: LoopOptions): Loop {
  const stopping = new AbortController();
  let pausing = new AbortController();
  let woken = false;
  let failures = 0;

  async function pause(ms: number): Promise<void> {
    if (!woken && ms > 0) {
      pausing = new AbortController();
      // Rejects only with our own abort.
      await clock.sleep(ms, pausing.signal).catch(() => undefined);
    }
    woken = false;
  }

  async function rounds(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const pauseMs = await round();
        failures = 0;
        if (!stopping.signal.aborted) await pause(pauseMs);
      } catch (error) {
        failures += 1;
        logger[failures === 1 ? 'warn' : 'debug'](
          { loop: name, failures, err: toError(error) },
          'background work failed, it is tried again',
        );
        woken = stopping.signal.aborted;
        await pause(
          Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1)) * (0.5 + random() / 2),
        );
      }
    }
  }

  const ended = rounds();
  const wake = () => {
    woken = true;
    pausing.abort();
  };
  return {
    wake,
    stop: async () => {
      stopping.abort();
      wake();
      await ended;
    },
  };
}
