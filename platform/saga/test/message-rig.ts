import { randomUUID } from 'node:crypto';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import {
  createConsumer,
  createOutbox,
  createRelay,
  defineMessage,
  type Handler,
  inboxMigrations,
  type Message,
  type Outbox,
  on,
  outboxMigrations,
} from '@flotilla/messaging';
import { createMemoryTransport } from '@flotilla/messaging/testing';
import type { Transaction } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import {
  command,
  createSagaEngine,
  type MessageStep,
  reply,
  type SagaDefinition,
  type SagaDetails,
  type SagaEngine,
  type SagaEngineOptions,
  sagaMigrations,
} from '../src/index.ts';

const schema = s.object({ step: s.string(), sagaId: s.string(), what: s.string() });
const key = ({ sagaId }: { readonly sagaId: string }) => sagaId;

export const askWork = defineMessage({ type: 'test.ask.v1', description: 'Do it.', key, schema });
export const takeBack = defineMessage({ type: 'test.take-back.v1', description: 'Undo it.', key, schema });
export const workDone = defineMessage({ type: 'test.done.v1', description: 'It is done.', key, schema });
export const workRefused = defineMessage({ type: 'test.refused.v1', description: 'It is not.', key, schema });
export const workUndone = defineMessage({
  type: 'test.undone.v1',
  description: 'It is undone.',
  key,
  schema,
});

export interface Errand {
  readonly id: string;
  readonly trail: readonly string[];
}

/** A step by message: asks for work of its own name, and remembers what came of it. */
export function ask(
  name: string,
  more: Partial<Pick<MessageStep<Errand, string>, 'pivot' | 'retriable' | 'timeoutMs'>> & {
    readonly undoable?: false;
  } = {},
): MessageStep<Errand, string> {
  const { undoable, ...rest } = more;
  const work = (sagaId: string, what: string) => ({ step: name, sagaId, what });
  return {
    name,
    retry: { initialMs: 5, maxMs: 20 },
    ...rest,
    command: ({ id }) => command(askWork, work(id, name)),
    replies: [
      reply(workDone, ({ data }) => ({ ok: true, result: data.what })),
      reply(workRefused, ({ data }) => ({ ok: false, reason: { code: data.what } })),
    ],
    ...(undoable !== false &&
      !rest.retriable && {
        undo: {
          command: ({ id }, { undoes }) => command(takeBack, work(id, undoes ?? '')),
          replies: [reply(workUndone, () => ({ ok: true, result: undefined }))],
        },
      }),
    onDone: (_tx, data, result) => ({ ...data, trail: [...data.trail, result] }),
  };
}

/** What a participant does with a command, in the transaction of its inbox. */
export type Participant = (
  message: Message<{ readonly step: string; readonly sagaId: string; readonly what: string }>,
  tx: Transaction,
  outbox: Outbox,
) => Promise<void>;

export const agrees: Participant = async ({ data, type }, tx, outbox) => {
  await outbox.publish(tx, type === takeBack.type ? workUndone : workDone, data);
};
export const declines =
  (what: string): Participant =>
  async ({ data }, tx, outbox) => {
    await outbox.publish(tx, workRefused, { ...data, what });
  };
export const keepsSilent: Participant = async () => undefined;

export interface MessageRig extends TestDatabase {
  readonly outbox: Outbox;
  /** By `do <step>` and `undo <step>`; the default agrees. */
  readonly participants: Map<string, Participant>;
  /** Every command that reached the participant, in order: `do <step>` or `undo <step>`. */
  readonly arrived: (id: string) => readonly string[];
  /** An engine with its consumer; closed with the rig. */
  engine(
    definitions: readonly SagaDefinition<Errand>[],
    options?: Partial<SagaEngineOptions>,
  ): Promise<SagaEngine>;
  start(engine: SagaEngine, definition: SagaDefinition<Errand>, keys?: readonly string[]): Promise<string>;
  end(engine: SagaEngine, id: string): Promise<SagaDetails>;
}

export async function createMessageRig(): Promise<MessageRig> {
  const database = await createTestDatabase([sagaMigrations, outboxMigrations, inboxMigrations]);
  const { db } = database;
  const base = { db, logger: silentLogger, metrics: createMetrics() };
  const transport = createMemoryTransport();
  const relay = createRelay({ ...base, transport, pollIntervalMs: 50 });
  const outbox = createOutbox({ source: 'test', onCommit: relay.nudge });
  const participants = new Map<string, Participant>();
  const arrivals: { readonly id: string; readonly what: string }[] = [];
  const closers: (() => Promise<void>)[] = [];
  const consume = async (name: string, handlers: readonly Handler[]) => {
    const consumer = createConsumer({
      ...base,
      name,
      transport,
      handlers,
      retry: { delaysMs: [10, 10, 10] },
    });
    await consumer.start();
    closers.unshift(() => consumer.close());
  };
  const participate =
    (direction: string): Participant =>
    async (message, tx) => {
      const what = `${direction} ${message.data.step}`;
      arrivals.push({ id: message.data.sagaId, what });
      await (participants.get(what) ?? agrees)(message, tx, outbox);
    };
  await consume('participant', [
    on(askWork, (message, tx) => participate('do')(message, tx, outbox)),
    on(takeBack, (message, tx) => participate('undo')(message, tx, outbox)),
  ]);
  relay.start();
  return {
    ...database,
    outbox,
    participants,
    arrived: (id) => arrivals.filter((one) => one.id === id).map(({ what }) => what),
    engine: async (definitions, options = {}) => {
      const instanceId = `test-${randomUUID()}`;
      const engine = createSagaEngine({ ...base, definitions, instanceId, outbox, pollMs: 50, ...options });
      await consume('saga', engine.handlers());
      engine.run();
      closers.unshift(() => engine.close());
      return engine;
    },
    start: async (engine, definition, correlationKeys = []) => {
      const id = randomUUID();
      const data = { id, trail: [] };
      return await db.transaction((tx) => engine.start(tx, definition, { id, data, correlationKeys }));
    },
    end: (engine, id) =>
      eventually(`saga ${id} ends`, async () => {
        const saga = await engine.find(id);
        return saga?.endedAt && saga;
      }),
    close: async () => {
      for (const close of closers) await close();
      await relay.close();
      await database.close();
    },
  };
}
