import { type Clock, isPlatformError, within } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { messagingError } from '../../errors.ts';
import type { OutgoingMessage, Refusal } from '../../transport.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import { unwritable } from '../wire.ts';
import { createBarredTypes } from './barred-types.ts';
import { publishRounds } from './publish-rounds.ts';
import { openSession, type Session } from './publish-session.ts';
import { type Returned, writeConfirmed } from './write-confirmed.ts';

export interface PublisherOptions {
  readonly connection: BrokerConnection;
  /** Of the connection: in its name everything is published. */
  readonly userId: string;
  /** How long a call waits for the connection, for an alarm to end, and for the confirms of a round. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** `Transport.publish`: with confirms, in order, one call after the other. */
export type Publish = (messages: readonly OutgoingMessage[]) => Promise<readonly Refusal[]>;

/** Written and not yet confirmed at once: bounds memory when the broker does not keep up. */
const MAX_UNCONFIRMED_BYTES = 4 * 1024 * 1024;

export function createPublisher(options: PublisherOptions): Publish {
  const { connection, userId, waitMs, clock, logger, metrics } = options;
  const returned = metrics.counter(
    'messaging_rabbitmq_returned_total',
    'Mandatory messages refused because no queue subscribes to them.',
    [],
    '{message}',
  );
  const nacked = metrics.counter(
    'messaging_rabbitmq_nacked_total',
    'Messages the broker could not store. They are published again.',
    [],
    '{message}',
  );
  const barred = createBarredTypes(clock, logger);
  let session: Session | undefined;
  let lastCall: Promise<unknown> = Promise.resolve();

  async function usableSession(): Promise<Session> {
    const model = await connection.usable(waitMs);
    if (session?.model === model && session.closedBy() === undefined) return session;
    session = await bounded(openSession(model), 'opened no channel');
    return session;
  }

  const bounded = <T>(work: Promise<T>, failed: string) => answered(work, failed, waitMs);

  /** An exchange the broker refuses concerns its own type only. */
  async function declareTypes(on: Session, messages: readonly OutgoingMessage[]): Promise<void> {
    const writable = messages.filter((message) => unwritable(message) === undefined);
    for (const type of new Set(writable.map((message) => message.type))) {
      if (barred.reason(type) !== undefined) continue;
      try {
        await bounded(on.declare(type), 'declared no exchange');
      } catch (error) {
        if (!isPlatformError(error) || error.retryable) throw error;
        barred.add(type, error.message);
      }
    }
  }

  /** Resolves with what came back, and why. */
  async function store(on: Session, messages: readonly OutgoingMessage[]): Promise<readonly Returned[]> {
    const written = await writeConfirmed(on, messages, { userId, waitMs, clock });
    if (written.kind === 'stored') return written.returned;
    if (written.kind === 'failed') throw failure(on, written.cause);
    session = undefined;
    on.abandon();
    throw unavailable(`RabbitMQ did not confirm within ${waitMs} ms`);
  }

  function failure(on: Session, cause: unknown): Error {
    const closedBy = on.closedBy();
    if (closedBy === undefined) nacked.inc();
    else barred.addForbidden(closedBy);
    const why = closedBy === undefined ? 'could not store a message' : 'closed the channel';
    return unavailable(`RabbitMQ ${why}`, closedBy ?? cause);
  }

  async function publish(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]> {
    const refusals: Refusal[] = [];
    const refusedKeys = new Set<string>();
    const refuse = ({ id, key }: OutgoingMessage, reason: string) => {
      refusals.push({ id, reason });
      refusedKeys.add(key);
    };
    for (const round of publishRounds(messages, MAX_UNCONFIRMED_BYTES)) {
      const on = await usableSession();
      await declareTypes(on, round);
      const accepted = round.filter((message) => {
        const isBehind = refusedKeys.has(message.key);
        const reason = isBehind ? BEHIND : (unwritable(message) ?? barred.reason(message.type));
        if (reason !== undefined) refuse(message, reason);
        return reason === undefined;
      });
      for (const { message, reason } of await store(on, accepted)) {
        returned.inc();
        const isUnrouted = reason === 'NO_ROUTE';
        refuse(message, isUnrouted ? `nobody subscribes to ${message.type}` : `it was returned: ${reason}`);
      }
    }
    return refusals;
  }

  return (messages) => {
    const call = lastCall.then(() => publish(messages));
    lastCall = call.catch(() => undefined);
    return call;
  };
}

async function answered<T>(work: Promise<T>, failed: string, waitMs: number): Promise<T> {
  try {
    return await within(waitMs, () => work);
  } catch (error) {
    throw isPlatformError(error) ? error : unavailable(`RabbitMQ ${failed}`, error);
  }
}

const BEHIND = 'an earlier message of its key was refused';

function unavailable(message: string, cause?: unknown) {
  return messagingError('MESSAGING_UNAVAILABLE', message, { cause });
}
