import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';
import type { Database } from '@flotilla/postgres';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import {
  createSagaEngine,
  defineSaga,
  type SagaCall,
  type SagaDefinition,
  type SagaDetails,
  type SagaEngine,
  type SagaEngineOptions,
  type StepOutcome,
  sagaMigrations,
} from '../src/index.ts';
import type { CallName } from '../src/testing/index.ts';

export interface Journey {
  readonly id: string;
  readonly trail: readonly string[];
}

/** What a participant does with a call; the default accepts it. */
export type Behaviour = (call: SagaCall) => Promise<StepOutcome<string>>;

export const accepts: Behaviour = async (call) => ({ ok: true, result: call.commandId });
export const refuses =
  (code: string): Behaviour =>
  async () => ({ ok: false, reason: { code } });
export const breaks: Behaviour = () => Promise.reject(new Error('broken'));

/** Each of the behaviours once, then acceptance. */
export function inTurn(...behaviours: readonly Behaviour[]): Behaviour {
  const left = [...behaviours];
  return (call) => (left.shift() ?? accepts)(call);
}

/** A participant that answers when told to. */
export function gate(): { readonly behaviour: Behaviour; readonly entered: Promise<SagaCall>; open(): void } {
  const entered = Promise.withResolvers<SagaCall>();
  const opened = Promise.withResolvers<void>();
  return {
    entered: entered.promise,
    open: opened.resolve,
    behaviour: async (call) => {
      entered.resolve(call);
      await opened.promise;
      return await accepts(call);
    },
  };
}

export const TABLES = `
  CREATE TABLE effect (command_id uuid PRIMARY KEY, saga_id uuid, name text, arrivals int, seq serial);
  CREATE TABLE domain_row (saga_id uuid, what text, seq serial)`;

/** What a participant with a database of its own does: one effect for each command, however often it arrives. */
export async function takeEffect(db: Database, name: string, call: SagaCall): Promise<void> {
  await db.query(
    `INSERT INTO effect (command_id, saga_id, name, arrivals) VALUES ($1, $2, $3, 1)
     ON CONFLICT (command_id) DO UPDATE SET arrivals = effect.arrivals + 1`,
    [call.commandId, call.sagaId, name],
  );
}

/**
 * Four steps `a`, `b`, `c` (the pivot) and `d`. Each call takes effect at a participant and then behaves as told;
 * each hook leaves a row.
 */
export function defineJourney(
  db: Database,
  behaviours: ReadonlyMap<CallName, Behaviour> = new Map(),
  more: { readonly version?: number; readonly deadlineMs?: number; readonly timeoutMs?: number } = {},
): SagaDefinition<Journey> {
  const { version = 1, deadlineMs = 60_000, timeoutMs = 5_000 } = more;
  const call = async (name: CallName, made: SagaCall): Promise<StepOutcome<string>> => {
    await takeEffect(db, name, made);
    return await (behaviours.get(name) ?? accepts)(made);
  };
  const leaveRow = async (tx: Pick<Database, 'query'>, id: string, what: string) => {
    await tx.query('INSERT INTO domain_row (saga_id, what) VALUES ($1, $2)', [id, what]);
  };
  return defineSaga<Journey>({
    type: 'journey',
    version,
    deadlineMs,
    steps: (step) =>
      (['a', 'b', 'c', 'd'] as const).map((name, index) =>
        step({
          name,
          timeoutMs,
          retry: { initialMs: 5, maxMs: 20 },
          do: (_data, made) => call(`do ${name}`, made),
          ...(index < 2 && {
            undo: async (_data: object, made: SagaCall) => {
              await call(`undo ${name}`, made);
            },
          }),
          ...(name === 'c' && { pivot: true as const }),
          ...(name === 'd' && { retriable: true as const }),
          onDone: async (tx, data, result) => {
            await leaveRow(tx, data.id, `done ${name}`);
            return { ...data, trail: [...data.trail, `${name}:${result.length}`] };
          },
          onUndone: (tx, data) => leaveRow(tx, data.id, `undone ${name}`),
        }),
      ),
    onCompleted: (tx, { id }) => leaveRow(tx, id, 'completed'),
    onCompensated: (tx, { id }, { code }) => leaveRow(tx, id, `compensated ${code}`),
    onStuck: (tx, { id }, { code }) => leaveRow(tx, id, `stuck ${code}`),
  });
}

export interface Rig extends TestDatabase {
  readonly metrics: Metrics;
  /** Told to the participants; read at each call. */
  readonly behaviours: Map<CallName, Behaviour>;
  readonly journey: SagaDefinition<Journey>;
  /** A running engine; closed with the rig at the latest. */
  engine(options?: Partial<SagaEngineOptions>): SagaEngine;
  closeEngines(): Promise<void>;
  start(engine: SagaEngine, definition?: SagaDefinition<Journey>): Promise<string>;
  /** Waits for the end. */
  end(engine: SagaEngine, id: string): Promise<SagaDetails>;
  /** Names of the effects of a saga, in the order of their first arrival. */
  effects(id: string): Promise<string[]>;
  /** What the hooks of a saga left, in order. */
  rows(id: string): Promise<string[]>;
}

export async function createRig(): Promise<Rig> {
  const database = await createTestDatabase([sagaMigrations]);
  const { db } = database;
  await db.query(TABLES);
  const metrics = createMetrics();
  const behaviours = new Map<CallName, Behaviour>();
  const journey = defineJourney(db, behaviours);
  const engines: SagaEngine[] = [];
  const closeEngines = async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
  };
  const names = async (sql: string, id: string) =>
    (await db.query<{ name: string }>(sql, [id])).map((row) => row.name);
  return {
    ...database,
    metrics,
    behaviours,
    journey,
    engine: (options = {}) => {
      const engine = createSagaEngine({
        db,
        definitions: [journey],
        instanceId: `test-${randomUUID()}`,
        logger: silentLogger,
        metrics,
        pollMs: 50,
        ...options,
      });
      engines.push(engine);
      engine.run();
      return engine;
    },
    closeEngines,
    start: async (engine, definition = journey) => {
      const id = randomUUID();
      const data = { id, trail: [] };
      return await db.transaction((tx) => engine.start(tx, definition, { id, data }));
    },
    end: (engine, id) =>
      eventually(`saga ${id} ends`, async () => {
        const ended = await db.query('SELECT 1 FROM saga_instance WHERE id = $1 AND ended_at IS NOT NULL', [
          id,
        ]);
        return ended.length > 0 && (await engine.find(id));
      }),
    effects: (id) => names('SELECT name FROM effect WHERE saga_id = $1 ORDER BY seq', id),
    rows: (id) => names('SELECT what AS name FROM domain_row WHERE saga_id = $1 ORDER BY seq', id),
    close: async () => {
      await closeEngines();
      await database.close();
    },
  };
}
