import { crashPoint, isPlatformError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Metrics } from '@flotilla/telemetry';
import { createBounds, headWithin, MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { OutgoingMessage, Refusal, Transport } from '../transport.ts';
import type { Notifier } from './notifier.ts';
import { reachBus } from './reach-bus.ts';
import { shardOf } from './shard.ts';

export interface BusPublisherOptions {
  readonly db: Database;
  readonly notifier: Notifier;
  readonly metrics: Metrics;
}

/** Into the queues that subscribe: statement by statement; of each key nothing after a refused message. */
export function createBusPublisher({ db, notifier, metrics }: BusPublisherOptions): Transport['publish'] {
  const unrouted = metrics.counter(
    'messaging_unrouted_total',
    'Messages published that no queue subscribes to.',
    [],
    '{message}',
  );
  const publishing = createBounds({ messages: MAX_PUBLISH, bytes: MAX_BATCH_BYTES });

  async function store(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]> {
    crashPoint('bus.before-publish');
    const [published] = await db.query<{ queues: string[]; unrouted: number; refused: number[] }>(
      `SELECT queues, unrouted, refused
       FROM bus.publish($1::text[], $2::text[], $3::smallint[], $4::text[], $5::boolean[])`,
      [
        messages.map((message) => message.type),
        messages.map((message) => message.key),
        messages.map((message) => shardOf(message.key)),
        messages.map((message) => message.body),
        messages.map((message) => message.mandatory),
      ],
    );
    crashPoint('bus.after-publish');
    notifier.notify(published?.queues ?? []);
    unrouted.inc({}, published?.unrouted ?? 0);
    const refused = (published?.refused ?? []).flatMap((position) => messages[position - 1] ?? []);
    return withFollowers(refused, ({ type }) => `nobody subscribes to ${type}`);
  }

  async function publishPart(messages: readonly OutgoingMessage[]): Promise<readonly Refusal[]> {
    try {
      return await reachBus(() => store(messages));
    } catch (error) {
      if (!isDataError(error)) throw error;
      return await publishSingly(messages, (message) => reachBus(() => store([message])));
    }
  }

  return async (messages) => {
    const refusals: Refusal[] = [];
    const stopped = new Set<string>();
    for (let next = 0; next < messages.length; ) {
      const [part, refused] = await publishing(async (bounds) => {
        const head = headWithin(messages.slice(next), bounds);
        return [head, await publishPart(head.filter(({ key }) => !stopped.has(key)))] as const;
      });
      refusals.push(...refused);
      refusals.push(...part.filter(({ key }) => stopped.has(key)).map(({ id }) => ({ id, reason: FOLLOWS })));
      const ids = new Set(refused.map(({ id }) => id));
      for (const { id, key } of part) if (ids.has(id)) stopped.add(key);
      next += part.length;
    }
    return refusals;
  };
}

/** In one statement. */
const MAX_PUBLISH = 512;

const FOLLOWS = 'an earlier message of its key was refused';

/** Of each key the first is refused for what it is, the later ones because they must not overtake it. */
function withFollowers(
  refused: readonly OutgoingMessage[],
  reasonOf: (first: OutgoingMessage) => string,
): readonly Refusal[] {
  const seen = new Set<string>();
  return refused.map((message) => {
    const isFirst = !seen.has(message.key);
    seen.add(message.key);
    return { id: message.id, reason: isFirst ? reasonOf(message) : FOLLOWS };
  });
}

/** The statement was refused as a whole for one message in it: find out which. */
async function publishSingly(
  messages: readonly OutgoingMessage[],
  publish: (message: OutgoingMessage) => Promise<readonly Refusal[]>,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const stopped = new Set<string>();
  for (const message of messages) {
    const refusal = stopped.has(message.key)
      ? { id: message.id, reason: FOLLOWS }
      : await publish(message).then(
          ([refused]) => refused,
          (error: unknown) => {
            if (!isDataError(error)) throw error;
            return { id: message.id, reason: error.message };
          },
        );
    if (!refusal) continue;
    refusals.push(refusal);
    stopped.add(message.key);
  }
  return refusals;
}

/** SQLSTATE classes 22, 23 and 54: the data itself was refused. */
function isDataError(error: unknown): error is Error {
  return isPlatformError(error) && /^(22|23|54)/.test(String(error.details['sqlState'] ?? ''));
}
