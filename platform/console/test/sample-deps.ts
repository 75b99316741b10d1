import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeadLetter, DeadLetters } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { OpenVerb, SagaDesk, SagaDetails, SagaOrder } from '@flotilla/saga/desk';
import { openAuditFile } from '../src/audit-file.ts';
import type { Desk } from '../src/deps.ts';
import { sampleSystem } from './sample-system.ts';

export const ORDER = '01935f3e-0000-7000-8000-000000000001';
const NOW = new Date();
const TRACE = 'a1'.repeat(16);

/** A small system with one stuck order and one dead letter, which react to what an operator does; nothing of it is real. */
export function sampleDeps(): Desk & {
  readonly orders: SagaOrder[];
  readonly done: string[];
  readonly close: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'console-sample-'));
  const orders: SagaOrder[] = [];
  const letters = new Map([['7', letterOf('7')]]);
  const saga = () => sagaOf(orders.length > 0);
  const services = [
    'gateway',
    'identity',
    'cart',
    'order',
    'inventory',
    'payment',
    'shipping',
    'notification',
  ];
  return {
    ...sampleSystem(),
    role: 'operator',
    orders,
    close: () => rmSync(folder, { recursive: true, force: true }),
    system: {
      name: 'flotilla',
      nodes: services.map((name) => ({ name, database: name !== 'gateway', bus: true })),
      calls: [
        ['gateway', 'identity'],
        ['gateway', 'cart'],
        ['gateway', 'order'],
        ['cart', 'order'],
        ['order', 'inventory'],
        ['order', 'payment'],
        ['order', 'shipping'],
      ],
    },
    records: {
      orders: {
        title: 'Orders',
        list: { database: 'order', sql: 'orders' },
        parts: [
          { title: 'Order', database: 'order', sql: 'order' },
          { title: 'Lines', database: 'order', sql: 'lines' },
          { title: 'Shipment', database: 'shipping', sql: 'away' },
        ],
        saga: { database: 'order', sql: 'saga' },
      },
    },
    processes: async () =>
      services.map((service, index) => ({
        ...{
          service,
          instance: `${service}-1`,
          pid: 4_000 + index,
          restarts: 0,
          uptimeSeconds: 5_400 + index,
        },
        state: service === 'shipping' && orders.length === 0 ? 'CrashLoop' : 'Running',
        ready: service !== 'shipping' || orders.length > 0,
        ...{ rssBytes: (90 + index * 4) * 1_048_576, url: `http://127.0.0.1:${30_000 + index}` },
      })),
    change: async () => undefined,
    recentLines: async (service) => [{ instance: `${service}-1`, line: '{"level":"info","msg":"serving"}' }],
    queues: async () => [
      {
        queue: 'order',
        subscriber: 'order',
        messages: 0,
        isEstimate: false,
        oldestAgeSeconds: 0,
        consumers: 1,
        state: 'live',
      },
      {
        queue: 'notification',
        subscriber: 'notification',
        messages: 3,
        isEstimate: false,
        oldestAgeSeconds: 65,
        consumers: 1,
        state: 'live',
      },
    ],
    withSagas: ['order'],
    withOutboxes: ['order'],
    withDeadLetters: ['notification'],
    inDatabase: async (service, work) => await work(databaseOf(service, saga)),
    sagaDesk: () => deskOf(saga, orders),
    deadLetters: () => deadLettersOf(letters),
    outbox: async () => ({ backlog: 2, held: 0, oldestAgeSeconds: 1.5, parked: 0, delayed: 0 }),
    telemetry: () => undefined,
    operator: 'alice',
    audit: openAuditFile(join(folder, 'audit.jsonl')),
    now: Date.now,
  };
}

function databaseOf(service: string, saga: () => SagaDetails): Database {
  const placed = NOW.toISOString();
  const order = {
    id: ORDER,
    status: saga().status === 'stuck' ? 'PaymentProcessed' : 'Confirmed',
    customer: 'alice@example.com',
    total: '39.98',
    currency: 'EUR',
    placed,
  };
  const answers: Readonly<Record<string, readonly object[]>> = {
    orders: [order, { ...order, id: ORDER.replace(/1$/, '2'), status: 'Confirmed' }],
    order: [order],
    lines: [{ product: 'sku-0001', name: 'Enamel mug', quantity: 2, price: '19.99' }],
    saga: [{ saga_id: ORDER }],
  };
  const query = async (sql: string): Promise<readonly object[]> => {
    if (sql === 'away') throw Object.assign(new Error(`${service} is away`), { code: 'ECONNREFUSED' });
    const stored = STORED.find(([part]) => sql.includes(part));
    if (stored) return stored[1];
    return answers[sql] ?? [];
  };
  const database = {
    query,
    transaction: async (work: (tx: unknown) => Promise<unknown>) => await work({ query }),
  };
  return database as unknown as Database; // as much of one as pages ask for
}

/** What the event store would answer, by a part of what it asks. */
const STORED: readonly (readonly [part: string, rows: readonly object[]])[] = [
  ['RETURNING id', [{ id: '1' }]],
  [
    'FROM projection_command',
    [
      {
        ...{
          id: '1',
          name: 'order-view',
          verb: 'rebuild',
          status: 'done',
          requestedBy: 'alice',
          requestedAt: NOW,
        },
        outcome: 'generation 2 is shown',
      },
    ],
  ],
  [
    'projection_generation',
    [
      {
        ...{
          name: 'order-view',
          inline: false,
          generation: 2,
          version: 1,
          state: 'active',
          lagEvents: 12,
          lagSeconds: 3,
        },
        ...{ isHalted: true, isWaiting: false, attempts: 5, crashes: 0, failedPosition: '12' },
        ...{ error: 'column "x" does not exist', failedEvent: `order-${ORDER}@3` },
      },
    ],
  ],
  ['WITH RECURSIVE', [{ category: 'order' }]],
  [
    'AS "streamId"',
    [
      {
        streamId: `order-${ORDER}`,
        category: 'order',
        version: 3,
        lastType: 'payment-processed',
        lastAt: NOW,
      },
    ],
  ],
  [
    'AS "schemaVersion"',
    [
      {
        ...{ version: 3, type: 'payment-processed', schemaVersion: 1, data: { amountMinor: 3_998 } },
        ...{ correlationId: ORDER, causationId: null, traceparent: `00-${TRACE}-${'b2'.repeat(8)}-01` },
        recordedAt: NOW,
      },
    ],
  ],
];

function sagaOf(isRepaired: boolean): SagaDetails {
  const error = { code: 'SHIPPING_UNAVAILABLE', message: 'shipping does not answer (ECONNREFUSED)' };
  const step = (name: string, status: 'succeeded' | 'open', seconds: number) => ({
    ...{
      step: name,
      direction: 'do' as const,
      via: 'call' as const,
      status,
      attempts: status === 'open' ? 8 : 1,
    },
    ...{ commandId: `c-${name}`, startedAt: new Date(NOW.getTime() - seconds * 1_000) },
    ...(status === 'open'
      ? { lastError: error }
      : { reply: { ok: true }, endedAt: new Date(NOW.getTime() - seconds * 1_000 + 40) }),
  });
  return {
    ...{
      id: ORDER,
      type: 'place-order',
      version: 3,
      changes: isRepaired ? 8 : 7,
      correlationKeys: [],
      direction: 'do',
    },
    ...{
      attempt: 8,
      pivotStarted: true,
      nextAttemptAt: NOW,
      deadlineAt: NOW,
      startedAt: NOW,
      updatedAt: NOW,
    },
    ...(isRepaired
      ? { status: 'completed', endedAt: NOW }
      : { status: 'stuck', step: 'ship', lastError: error }),
    data: { orderId: ORDER },
    history: [
      step('reserve', 'succeeded', 90),
      step('charge', 'succeeded', 80),
      step('ship', isRepaired ? 'succeeded' : 'open', 70),
    ],
    ...{ attempts: [], messages: [], audit: [] },
  } as unknown as SagaDetails;
}

function deskOf(saga: () => SagaDetails, orders: SagaOrder[]): SagaDesk {
  const verbs: readonly OpenVerb[] = [
    { verb: 'retry', consequence: 'ship is tried again now; the participant knows a repetition by its id.' },
    { verb: 'compensate', consequence: 'What was done before ship is undone in reverse order.' },
  ];
  return {
    list: async () => [saga()],
    find: async (id) => (id === ORDER ? saga() : undefined),
    openVerbs: (seen) => (seen.status === 'stuck' ? verbs : []),
    parked: async () => [],
    request: async (_, order) => {
      if (order.expectedChanges === saga().changes) orders.push(order);
      return 'request';
    },
    answer: async () => ({ ok: true, status: 'completed', changes: 8 }),
    withdraw: async () => false,
  };
}

function letterOf(id: string): DeadLetter {
  return {
    ...{ id, consumer: 'notification', messageId: ORDER, type: 'order.confirmed.v1', key: ORDER },
    ...{
      body: '{"orderId":"1"}',
      reason: 'mail server refused 42 times',
      error: 'Error: refused',
      attempts: [],
    },
    ...{
      failures: 10,
      crashes: 0,
      traceparent: `00-${TRACE}-${'b2'.repeat(8)}-01`,
      enqueuedAt: NOW,
      deadAt: NOW,
    },
  };
}

function deadLettersOf(letters: Map<string, DeadLetter>): DeadLetters {
  const remove = async (which: unknown) => (letters.delete(String(which)) ? 1 : 0);
  return {
    list: async () => ({ letters: [...letters.values()] }),
    find: async (id) => letters.get(id),
    redrive: remove,
    discard: remove,
    count: async (which) => (typeof which === 'string' ? Number(letters.has(which)) : letters.size),
  };
}
