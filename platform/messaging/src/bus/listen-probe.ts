import { backoffMs, type Clock, pause, toError } from '@flotilla/kernel';
import type { Queryable } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { Connection } from './standing-connection.ts';

export interface ListenProbeOptions {
  /** A pool: on the listening connection itself a notification would arrive even behind a pooler. */
  readonly db: Queryable;
  readonly channel: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a notification of our own may take to arrive. */
  readonly timeoutMs: number;
  readonly closing: AbortSignal;
  /** May be called twice: what came late, on a busy machine, does come. */
  readonly onConclusion: (doArrive: boolean) => void;
}

const PREFIX = 'probe:';
const ATTEMPTS = 5;

/** Is it a notification of a probe, of whichever process? */
export function isProbe(payload: string): boolean {
  return payload.startsWith(PREFIX);
}

/**
 * A pooler between us and the server may give each statement another server connection: LISTEN then succeeds and
 * nothing ever arrives. So one is sent, and waited for.
 */
export async function probeListening(connection: Connection, options: ListenProbeOptions): Promise<void> {
  const { clock, logger, timeoutMs, closing, onConclusion } = options;
  const token = `${PREFIX}${crypto.randomUUID()}`;
  const arrival = Promise.withResolvers<boolean>();
  const timeUp = new AbortController();
  connection.on('notification', ({ payload }) => {
    if (payload === token) arrival.resolve(true);
  });
  const conclude = (doArrive: boolean) => {
    if (!closing.aborted) onConclusion(doArrive);
  };
  try {
    await notifyPersistently(token, options);
    const patience = pause(clock, timeoutMs, AbortSignal.any([timeUp.signal, closing]));
    const isInTime = await Promise.race([arrival.promise, patience.then(() => false)]);
    conclude(isInTime);
    if (!isInTime) void arrival.promise.then(conclude);
  } catch (error) {
    logger.debug({ err: toError(error) }, 'notifications could not be tried, the next connection will');
  } finally {
    timeUp.abort();
  }
}

/** What cut our connection has cut those of the pool as well; each of them fails once. */
async function notifyPersistently(
  token: string,
  { db, channel, clock, closing }: ListenProbeOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await db.query('SELECT pg_notify($1, $2)', [channel, token]);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || closing.aborted) throw error;
      await pause(clock, backoffMs(attempt, 50, 500), closing);
    }
  }
}
