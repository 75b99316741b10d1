import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';

export interface Repetition {
  readonly name: string;
  readonly everyMs: number;
  readonly round: () => Promise<void>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Does `round` at once and again `everyMs` after each end until the signal is aborted; failures are logged. */
export async function repeat({ name, everyMs, round, clock, logger, signal }: Repetition): Promise<void> {
  while (!signal.aborted) {
    await round().catch((thrown: unknown) => {
      logger.warn({ err: toError(thrown), task: name }, 'a periodic task failed, the next round comes later');
    });
    // The sleep ends early only by the signal, and then so does the loop.
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}
