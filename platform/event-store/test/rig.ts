import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { accept, reject } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase, type Database, type Transaction } from '@flotilla/postgres';
import { createTestDatabase } from '@flotilla/postgres/testing';
import { createMetrics, type Logger, silentLogger } from '@flotilla/telemetry';
import {
  type Category,
  createEventStore,
  createProjectionRunner,
  type Decider,
  type DomainEvent,
  defineCategory,
  defineEvent,
  defineProjection,
  type EventStore,
  eventStoreMigrations,
  type Projection,
  type ProjectionRunner,
  type ProjectionRunnerOptions,
} from '../src/index.ts';

/** The domain of the tests: accounts that never go below zero. */
export type AccountEvent =
  | DomainEvent<'deposited', { readonly amount: number }>
  | DomainEvent<'withdrawn', { readonly amount: number }>;

const amount = s.object({ amount: s.integer({ minimum: 1 }) });

export const accounts: Category<AccountEvent> = defineCategory<AccountEvent>('account', {
  deposited: defineEvent({ type: 'deposited', schema: amount }),
  withdrawn: defineEvent({ type: 'withdrawn', schema: amount }),
});

export const deposited = (by: number): AccountEvent => ({ type: 'deposited', data: { amount: by } });
export const withdrawn = (by: number): AccountEvent => ({ type: 'withdrawn', data: { amount: by } });

export const account: Decider<
  { readonly balance: number },
  { readonly withdraw: number },
  AccountEvent,
  'too-little'
> = {
  initial: { balance: 0 },
  decide: ({ withdraw }, { balance }) =>
    withdraw > balance ? reject('too-little') : accept(withdraw === 0 ? [] : [withdrawn(withdraw)]),
  evolve: ({ balance }, { type, data }) => ({
    balance: type === 'deposited' ? balance + data.amount : balance - data.amount,
  }),
};

/** Rows of two read models: how often each stream changed, and by how much in all. */
const READ_MODEL = `
  CREATE TABLE balance (generation integer, stream_id text, events integer, amount integer,
    PRIMARY KEY (generation, stream_id));
  CREATE VIEW current_balance AS SELECT stream_id, events, amount FROM balance
    WHERE generation = (SELECT active FROM projection WHERE name = 'balance')`;

const RECORD = `INSERT INTO balance AS b VALUES ($1, $2, 1, $3) ON CONFLICT (generation, stream_id)
  DO UPDATE SET events = b.events + 1, amount = b.amount + excluded.amount`;

export interface BalanceOptions {
  readonly version?: number;
  readonly inline?: boolean;
  /** How an amount counts, so that versions differ. Default: as it is. */
  readonly factor?: number;
  /** Runs before each event is recorded. */
  readonly before?: (event: AccountEvent & { readonly streamId: string }) => Promise<void> | void;
}

/** The read model of the tests. */
export function defineBalance(options: BalanceOptions = {}): Projection {
  const { version = 1, inline = false, factor = 1, before } = options;
  return defineProjection<AccountEvent>({
    name: 'balance',
    version,
    inline,
    categories: [accounts],
    tables: ['balance'],
    handle: async (tx, event, { generation }) => {
      await before?.(event);
      const by = event.type === 'deposited' ? event.data.amount : -event.data.amount;
      await tx.query(RECORD, [generation, event.streamId, by * factor]);
    },
  });
}

/** Another read model of the same events. Its table and declaration come from `createTally`. */
export function defineTally(): Projection {
  return defineProjection<AccountEvent>({
    name: 'tally',
    version: 1,
    categories: [accounts],
    tables: ['tally'],
    handle: async (tx, event, { generation }) => {
      await tx.query('INSERT INTO tally VALUES ($1, $2, $3)', [generation, event.streamId, event.version]);
    },
  });
}

export async function createTally(db: Database): Promise<void> {
  await db.query('CREATE TABLE tally (generation integer, stream_id text, version integer)');
  await db.query("SELECT create_projection('tally', 1, false, '{account}')");
}

export interface Rig {
  readonly db: Database;
  readonly uri: string;
  /** A transaction whose steps a test decides about. */
  begin(): Promise<ManualTransaction>;
  /** Appends in a transaction of its own. */
  append(id: string, ...events: readonly AccountEvent[]): Promise<string>;
  runner(projections: readonly Projection[], options?: Partial<ProjectionRunnerOptions>): ProjectionRunner;
  balances(): Promise<readonly object[]>;
  close(): Promise<void>;
}

export interface ManualTransaction extends Transaction {
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface RigOptions {
  /** Creates the projection `balance` of this kind. Default: none. */
  readonly balance?: 'inline' | 'asynchronous';
  readonly store?: EventStore;
}

export async function createRig({ balance, store = createEventStore() }: RigOptions = {}): Promise<Rig> {
  const database = await createTestDatabase([eventStoreMigrations]);
  // Fifty writers wait for their turn, on a machine that may be busy.
  const db = createDatabase({
    uri: database.uri,
    applicationName: 'test',
    acquireTimeoutMs: 60_000,
    statementTimeoutMs: 60_000,
  });
  const opened: { close(): Promise<void> }[] = [db];
  await db.query(READ_MODEL);
  if (balance) await createBalance(db, balance === 'inline');
  return {
    db,
    uri: database.uri,
    begin: async () => {
      const transaction = await beginManually(db);
      opened.push({ close: transaction.rollback });
      return transaction;
    },
    append: async (id, ...events) => {
      const { position } = await db.transaction((tx) =>
        store.append(tx, accounts.stream(id), events, { expect: 'any' }),
      );
      return position;
    },
    runner: (projections, options) => {
      const runner = createProjectionRunner({
        db,
        projections,
        logger: silentLogger,
        metrics: createMetrics(),
        pollIntervalMs: 20,
        retryDelaysMs: [10, 10],
        ...options,
      });
      opened.push(runner);
      runner.start();
      return runner;
    },
    balances: () => db.query('SELECT * FROM current_balance ORDER BY stream_id'),
    close: async () => {
      for (const one of opened.reverse()) await one.close();
      await database.close();
    },
  };
}

export async function createBalance(db: Database, inline: boolean): Promise<void> {
  await db.query("SELECT create_projection('balance', 1, $1, '{account}')", [inline]);
}

async function beginManually(db: Database): Promise<ManualTransaction> {
  const client = await db.connect();
  client.on('error', () => undefined);
  await client.query('BEGIN');
  let open = true;
  const end = async (how: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
    if (!open) return;
    open = false;
    await client.query(how);
    await client.end();
  };
  return {
    query: async <Row extends object>(sql: string, values?: readonly unknown[]) =>
      (await client.query<Row>(sql, values as unknown[])).rows,
    defer: () => {
      throw new TypeError('nothing that these tests do defers rows');
    },
    afterCommit: () => undefined,
    savepoint: (work) => work(),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
  };
}

/** A rig that ends with its test. */
export async function open(t: TestContext, options?: RigOptions): Promise<Rig> {
  const rig = await createRig(options);
  t.after(() => rig.close());
  return rig;
}

/** A line of the read model. */
export const row = (id: string, events: number, amount: number) => ({
  stream_id: `account-${id}`,
  events,
  amount,
});

export const settles = (rig: Rig, ...rows: readonly object[]) =>
  eventually(`the read model shows ${JSON.stringify(rows)}`, async () => {
    assert.deepEqual(await rig.balances(), rows);
    return true;
  });

/** Lines of a log, for what operators must be told. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (fields: object, msg: string) => void lines.push({ ...fields, msg });
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger };
  return { logger, lines };
}
