import * as s from '@flotilla/kernel/schema';
import {
  createConsumer,
  createOutbox,
  createPostgresTransport,
  createRelay,
  defineMessage,
  type Handler,
  on,
} from '@flotilla/messaging';
import { createDatabase, type Database } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createSagaEngine, defineSaga, type SagaEngine } from '../src/index.ts';
import { agrees, ask, askWork, declines, type Errand, takeBack } from './message-rig.ts';

export const EFFECT = 'CREATE TABLE participant_effect (saga_id uuid, what text, seq serial)';

export const nudged = defineMessage({
  type: 'test.nudged.v1',
  description: 'Somebody has something to add.',
  key: ({ about }) => about,
  schema: s.object({ about: s.string() }),
});

function define(type: string, version: number) {
  return defineSaga<Errand>({
    type,
    version,
    deadlineMs: 120_000,
    steps: (_step, { send, wait }) => [
      send(ask('a')),
      ...(type === 'paused' ? [wait({ name: 'pause', ms: 3_600_000 })] : []),
      send(ask('b')),
      send(ask('c', { pivot: true })),
    ],
    events: (onEvent) => [
      onEvent(nudged, {
        key: ({ data }) => data.about,
        apply: (_tx, data) => ({ ...data, trail: [...data.trail, 'nudged'] }),
      }),
    ],
    migrations: version > 1 ? [{ from: 1 }] : [],
  });
}

export const direct = define('direct', 1);
export const refusing = define('refusing', 1);
export const paused = define('paused', 1);
const pausedLater = define('paused', 2);

export interface World {
  readonly db: Database;
  readonly engine: SagaEngine;
  readonly outbox: ReturnType<typeof createOutbox>;
  close(): Promise<void>;
}

/** A service with sagas, and their participant, on a durable bus: all of it in one process that may be killed. */
export async function openWorld(uri: string, busUri: string): Promise<World> {
  const db = createDatabase({ uri, applicationName: 'crashing', acquireTimeoutMs: 30_000 });
  const base = { db, logger: silentLogger, metrics: createMetrics() };
  const transport = createPostgresTransport({ ...base, uri: busUri, pollIntervalMs: 50, leaseMs: 1_000 });
  const relay = createRelay({ ...base, transport, pollIntervalMs: 50, leaseMs: 1_000 });
  const outbox = createOutbox({ source: 'test', onCommit: relay.nudge });
  const definitions = [direct, refusing, paused, pausedLater];
  const engine = createSagaEngine({ ...base, definitions, instanceId: 'crashing', outbox, pollMs: 50 });
  const consumers = [
    await consume('saga', engine.handlers()),
    await consume('participant', [participant(askWork, 'do'), participant(takeBack, 'undo')]),
  ];

  async function consume(name: string, handlers: readonly Handler[]) {
    const consumer = createConsumer({ ...base, name, transport, handlers });
    await consumer.start();
    return consumer;
  }

  function participant(type: typeof askWork, direction: 'do' | 'undo'): Handler {
    return on(type, async (message, tx) => {
      const { sagaId, step } = message.data;
      await tx.query('INSERT INTO participant_effect (saga_id, what) VALUES ($1, $2)', [
        sagaId,
        `${direction} ${step}`,
      ]);
      const [row] = await tx.query<{ type: string }>('SELECT type FROM saga_instance WHERE id = $1', [
        sagaId,
      ]);
      const refuses = row?.type === 'refusing' && step === 'c';
      await (refuses ? declines('no') : agrees)(message, tx, outbox);
    });
  }

  relay.start();
  engine.run();
  return {
    ...{ db, engine, outbox },
    close: async () => {
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await engine.close();
      await relay.close();
      await transport.close();
      await db.close();
    },
  };
}
