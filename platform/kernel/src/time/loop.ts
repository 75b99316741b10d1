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

export interface LoopOptions {
  /** Named in the log when it fails. */
  readonly name: string;
  /** One round; `true` asks for the next one at once. Throwing backs off: 100 ms to `maxBackoffMs` with jitter, woken or not. */
  readonly run: () => Promise<boolean>;
  /** Pause between rounds unless woken; a function is asked after each round. */
  readonly intervalMs: number | (() => number);
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
  const { name, run, intervalMs, maxBackoffMs = 5_000, clock, logger, random, signal } = options;
  const wakeUp = createWakeUp(clock);
  const stopping = new AbortController();
  let failures = 0;

  const currentIntervalMs = () => (typeof intervalMs === 'number' ? intervalMs : intervalMs());

  async function round(): Promise<void> {
    try {
      const again = await run();
      if (failures > 0) logger.info({ loop: name, failures }, 'background work recovered');
      failures = 0;
      if (!again && !stopping.signal.aborted) await wakeUp.wait(currentIntervalMs());
    } catch (error) {
      failures += 1;
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

/** Sleeps `ms`, or until the signal is aborted. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await clock.sleep(ms, signal).catch((reason: unknown) => {
    if (!signal.aborted) throw reason;
  });
}
