import { toError } from '../errors.ts';
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { createWakeUp } from './wake-up.ts';

/** Where a loop says that its work fails, and that it does no longer: any logger fits. */
export interface LoopLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A round that found nothing to do. */
export interface Rest {
  /** In how many milliseconds something falls due, as far as that is known; the pause ends then. */
  readonly dueInMs?: number | null | undefined;
}

export interface LoopOptions {
  /** Named in the log when it fails. */
  readonly name: string;
  /**
   * One round; `true` asks for the next one at once, a `Rest` says that it need not have been. Throwing backs off: 100 ms to `maxBackoffMs` with
   * jitter, woken or not.
   */
  readonly run: () => Promise<boolean | Rest>;
  /** Pause between rounds unless woken; a function is asked after each round. */
  readonly intervalMs: number | (() => number);
  /**
   * How long the pause becomes at most, twice as long each time, while one round after the other is a `Rest` and nobody wakes the loop: for a look
   * that is only there in case a hint was lost. Default: it stays as it is. A function is asked after each round.
   */
  readonly restIntervalMs?: number | (() => number);
  /** Default 5,000. */
  readonly maxBackoffMs?: number;
  readonly clock: Clock;
  readonly logger: LoopLogger;
  readonly random?: () => number;
  /** Stops it, too. */
  readonly signal?: AbortSignal;
}

/** Work that goes on until it is stopped, whatever fails in between. */
export interface Loop {
  /** Ends the pause, or makes the running round be followed by another at once. */
  wake(): void;
  /** Resolves once the running round has ended. */
  stop(): Promise<void>;
  /** The same, without asking for the end. */
  readonly ended: Promise<void>;
}

/** Begins at once, with a first round in this turn. Never rejects. */
export function startLoop(options: LoopOptions): Loop {
  const {
    name,
    run,
    intervalMs,
    restIntervalMs = 0,
    maxBackoffMs = 5_000,
    clock,
    logger,
    random,
    signal,
  } = options;
  const wakeUp = createWakeUp(clock);
  const stopping = new AbortController();
  let failures = 0;
  let rests = 0;

  function pauseMs(rest: Rest | undefined): number {
    const shortest = currentMs(intervalMs);
    if (rest === undefined) return shortest;
    const longest = Math.max(shortest, currentMs(restIntervalMs));
    const dueInMs = rest.dueInMs ?? longest;
    // What is due and was not taken is somebody else's, or waits for something: it is no reason to go round at once.
    const untilDueMs = dueInMs > 0 ? Math.max(dueInMs, 1) : shortest;
    return Math.min(shortest * 2 ** Math.min(rests, MAX_DOUBLINGS), longest, untilDueMs);
  }

  async function round(): Promise<void> {
    try {
      const outcome = await run();
      if (failures > 0) logger.info({ loop: name, failures }, 'background work recovered');
      failures = 0;
      const rest = typeof outcome === 'object' ? outcome : undefined;
      const isWoken = outcome !== true && !stopping.signal.aborted && (await wakeUp.wait(pauseMs(rest)));
      rests = rest === undefined || isWoken ? 0 : rests + 1;
    } catch (error) {
      failures += 1;
      rests = 0;
      logger[failures === 1 ? 'warn' : 'debug'](
        { loop: name, failures, err: toError(error) },
        'background work failed, it is tried again',
      );
      await pause(clock, backoffMs(failures, 100, maxBackoffMs, random), stopping.signal);
    }
  }

  async function rounds(): Promise<void> {
    while (!stopping.signal.aborted) await round();
  }

  function end(): void {
    stopping.abort();
    wakeUp.wake();
  }

  if (signal?.aborted) end();
  else signal?.addEventListener('abort', end, { once: true });
  const ended = rounds().finally(() => signal?.removeEventListener('abort', end));
  return {
    wake: wakeUp.wake,
    stop: async () => {
      end();
      await ended;
    },
    ended,
  };
}

const MAX_DOUBLINGS = 20;

function currentMs(ms: number | (() => number)): number {
  return typeof ms === 'number' ? ms : ms();
}

/** Sleeps `ms`, or until the signal is aborted. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await clock.sleep(ms, signal).catch((reason: unknown) => {
    if (!signal.aborted) throw reason;
  });
}
