import { SHARDS } from '../../bus/shard.ts';

export type Arguments = Readonly<Record<string, string | number | boolean>>;

export interface ExchangeDeclaration {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly arguments: Arguments;
}

export interface QueueDeclaration {
  readonly name: string;
  readonly arguments: Arguments;
}

export interface Binding {
  readonly from: string;
  readonly to: string;
  readonly toKind: 'queue' | 'exchange';
  readonly pattern: string;
}

/** Everything is durable. Declared in this order, so that nothing refers to what does not exist yet. */
export interface Topology {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly Binding[];
}

export interface QueueShape {
  readonly shards: number;
  readonly deliveryLimit: number;
}

/**
 * The broker counts every return of a message, of innocent ones too that were only prefetched when a process ended, and
 * a broker from 4.0 on has a limit of 20 where none is declared. This one is never reached: who is guilty the consumer
 * finds out, by trying suspects alone.
 */
export const NO_DELIVERY_LIMIT = 1_000_000;

/** Where events end that nobody subscribes to: the newest of them are kept for a look. */
export const UNROUTED = 'unrouted';
const UNROUTED_KEPT = 10_000;

/** What every process reads for itself: a stream, which nobody's reading takes anything from. */
export const NOTICES = 'notices';
const NOTICES_KEPT = {
  'x-queue-type': 'stream',
  'x-max-age': '10m',
  'x-stream-max-segment-size-bytes': 1_000_000,
};

const QUORUM = { 'x-queue-type': 'quorum' };

/** An event that finds no queue goes to `unrouted`; a command does not, so that the broker returns it. */
export function routingKey(shard: number, mandatory: boolean): string {
  return `${mandatory ? 'command' : 'event'}.${twoDigits(shard)}`;
}

/** What a publisher needs: the exchange of the type, and the place for what it cannot route. */
export function topologyOfType(type: string): Topology {
  return {
    exchanges: [
      { name: UNROUTED, type: 'topic', arguments: {} },
      { name: type, type: 'topic', arguments: { 'alternate-exchange': UNROUTED } },
    ],
    queues: [{ name: UNROUTED, arguments: { ...QUORUM, 'x-max-length': UNROUTED_KEPT } }],
    bindings: [{ from: UNROUTED, to: UNROUTED, toKind: 'queue', pattern: 'event.*' }],
  };
}

/**
 * What a consumer needs: an exchange that its types are bound to, one queue a shard, and the dead-letter queue. One
 * process at a time is active on a shard, which keeps each key in order. An event that finds the queue of its shard
 * missing goes astray into the dead-letter queue; a command does not, so that the broker returns it.
 */
export function topologyOfQueue(queue: string, { shards, deliveryLimit }: QueueShape): Topology {
  assertQueueName(queue);
  const numbers = Array.from({ length: shards }, (_, index) => index);
  return {
    exchanges: [
      { name: deadLetterExchange(queue), type: 'fanout', arguments: {} },
      { name: strayExchange(queue), type: 'topic', arguments: { 'alternate-exchange': UNROUTED } },
      {
        name: shardExchange(queue),
        type: 'topic',
        arguments: { 'alternate-exchange': strayExchange(queue) },
      },
      { name: queue, type: 'topic', arguments: {} },
    ],
    queues: [
      { name: deadLetterQueue(queue), arguments: { ...QUORUM, 'x-delivery-limit': NO_DELIVERY_LIMIT } },
      ...numbers.map((shard) => ({
        name: shardQueue(queue, shard),
        arguments: {
          ...QUORUM,
          'x-single-active-consumer': true,
          'x-delivery-limit': deliveryLimit,
          'x-dead-letter-exchange': deadLetterExchange(queue),
          // Says where a dead letter comes from, and makes another number of shards a drift that the broker reports.
          'x-dead-letter-routing-key': `shard ${shard} of ${shards}`,
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        },
      })),
    ],
    bindings: [
      { from: deadLetterExchange(queue), to: deadLetterQueue(queue), toKind: 'queue', pattern: '' },
      { from: strayExchange(queue), to: deadLetterQueue(queue), toKind: 'queue', pattern: 'event.*' },
      { from: queue, to: shardExchange(queue), toKind: 'exchange', pattern: '#' },
      ...Array.from({ length: SHARDS }, (_, shard) => ({
        from: shardExchange(queue),
        to: shardQueue(queue, shard % shards),
        toKind: 'queue' as const,
        pattern: `*.${twoDigits(shard)}`,
      })),
    ],
  };
}

/** Queues that exist with another delivery limit, by name, are declared with that one. */
export function withLimits(topology: Topology, limits: ReadonlyMap<string, number>): Topology {
  const queues = topology.queues.map(({ name, arguments: given }) => {
    const limit = limits.get(name);
    return { name, arguments: limit === undefined ? given : { ...given, 'x-delivery-limit': limit } };
  });
  return { ...topology, queues };
}

/** That a consumer gets the messages of these types. */
export function topologyOfSubscription(queue: string, types: readonly string[]): Topology {
  const published = types.map(topologyOfType);
  return {
    exchanges: published.flatMap(({ exchanges }) => exchanges),
    queues: published.flatMap(({ queues }) => queues),
    bindings: [
      ...published.flatMap(({ bindings }) => bindings),
      ...types.map((type) => ({ from: type, to: queue, toKind: 'exchange' as const, pattern: '#' })),
    ],
  };
}

/** That the messages of these types are in the stream of notices. */
export function topologyOfNotices(types: readonly string[]): Topology {
  const published = types.map(topologyOfType);
  return {
    exchanges: published.flatMap(({ exchanges }) => exchanges),
    queues: [...published.flatMap(({ queues }) => queues), { name: NOTICES, arguments: NOTICES_KEPT }],
    bindings: [
      ...published.flatMap(({ bindings }) => bindings),
      ...types.map((type) => ({ from: type, to: NOTICES, toKind: 'queue' as const, pattern: '#' })),
    ],
  };
}

export interface Names {
  readonly exchanges: readonly string[];
  readonly queues: readonly string[];
}

/** The names of all that a consumer may have declared, whatever its number of shards was; the dead-letter queue first. */
export function namesOfQueue(queue: string): Names {
  return namesIn([anyTopologyOfQueue(queue)]);
}

/** The names of all that a system may have declared. */
export function namesOfSystem(queues: readonly string[], types: readonly string[]): Names {
  return namesIn([
    topologyOfType(UNROUTED),
    topologyOfNotices([]),
    ...queues.map(anyTopologyOfQueue),
    ...queues.map((queue) => topologyOfSubscription(queue, types)),
    ...types.map(topologyOfType),
  ]);
}

function anyTopologyOfQueue(queue: string): Topology {
  return topologyOfQueue(queue, { shards: SHARDS, deliveryLimit: NO_DELIVERY_LIMIT });
}

function namesIn(parts: readonly Topology[]): Names {
  const namesOf = (kind: 'exchanges' | 'queues') => [
    ...new Set(parts.flatMap((part) => part[kind].map(({ name }) => name))),
  ];
  return { exchanges: namesOf('exchanges'), queues: namesOf('queues') };
}

export function shardQueue(queue: string, shard: number): string {
  return `${queue}.${twoDigits(shard)}`;
}

export function deadLetterQueue(queue: string): string {
  return `${queue}.dlq`;
}

function deadLetterExchange(queue: string): string {
  return `${queue}.dlx`;
}

function shardExchange(queue: string): string {
  return `${queue}.shards`;
}

function strayExchange(queue: string): string {
  return `${queue}.stray`;
}

function twoDigits(shard: number): string {
  return String(shard).padStart(2, '0');
}

const RESERVED = /\.(\d\d|dlq|dlx|shards|stray)$/;
const MAX_QUEUE_BYTES = 200;

function assertQueueName(queue: string): void {
  const bytes = Buffer.byteLength(queue);
  if (
    bytes === 0 ||
    bytes > MAX_QUEUE_BYTES ||
    RESERVED.test(queue) ||
    queue === UNROUTED ||
    queue === NOTICES
  ) {
    throw new RangeError(
      `a queue on RabbitMQ has 1 to ${MAX_QUEUE_BYTES} bytes, is neither "${UNROUTED}" nor "${NOTICES}" and does not end in .dlq, .dlx, .shards, .stray or two digits, got "${queue}"`,
    );
  }
}
