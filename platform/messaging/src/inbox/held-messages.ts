import { type Database, type SqlValue, storableText, type Transaction } from '@flotilla/postgres';
import { MAX_KEY_LENGTH, MAX_MESSAGE_BYTES } from '../cloud-event.ts';
import { createWaitingRows } from '../waiting-rows.ts';
import type { Arrival, Task, Unknown, Unusable } from './task.ts';

/** One failed attempt, as it is kept. */
export interface Attempt {
  readonly at: string;
  readonly error: string;
}

/** What there is to record about a failure that happened just now. */
export interface FailureRecord {
  readonly at: Date;
  readonly message: string;
  readonly description: string;
  /** Crashes counted when the attempt began, to be taken back. */
  readonly countedCrashes: number;
}

/** A held message that was taken to be handled. `suspect` and `crashes` as they were before. */
export interface HeldMessage extends Arrival {
  readonly inboxId: string;
  readonly failures: number;
  readonly crashes: number;
  readonly suspect: boolean;
  /** How long it is held, if its key waited for a process that handles the type of its first message; else null. */
  readonly waitedMs: number | null;
}

export interface HeldStatistics {
  readonly held: number;
  /** Keys that wait for a process which handles the type of their first message. */
  readonly waitingKeys: number;
  readonly dead: number;
  readonly oldestHeldAgeSeconds: number;
}

/** What a consumer does to messages that failed, wait behind one that failed, or are given up. */
export interface HeldMessages {
  /**
   * Puts messages behind the held ones of their keys; with `starts`, keys that are not held become held, due now.
   * Returns the ids of those that need nothing more.
   */
  setAside(messages: readonly Readable[], options: SetAsideOptions): Promise<ReadonlySet<string>>;
  fail(task: Task, failure: FailureRecord, delayMs: number): Promise<void>;
  /** `false`: it was handled before, so it is no dead letter. */
  bury(unusable: Unusable, failure?: FailureRecord, countedCrashes?: number): Promise<boolean>;
  /** Whoever has not begun after `beginsWithinMs` is taken for crashed. Default: a second. */
  takeDue(maxMessages: number, alone: boolean, beginsWithinMs?: number): Promise<readonly HeldMessage[]>;
  /** The opposite of `takeDue` for the first of a key whose type is not handled here. */
  wait(unknown: Unknown, wasSuspect: boolean, how: WaitOptions): Promise<void>;
  putBack(ids: readonly string[], wereSuspect: boolean, delayMs: number): Promise<void>;
  /** Ids to handle now; `undefined` when another process has the key. */
  resume(tx: Transaction, key: string, ids: readonly string[]): Promise<ReadonlySet<string> | undefined>;
  finish(tx: Transaction, key: string, ids: readonly string[]): Promise<void>;
  statistics(): Promise<HeldStatistics>;
  /** `false`: when they were counted last there were none, and this process has held none since. */
  mayBeSome(): boolean;
}

export interface SetAsideOptions {
  readonly starts: boolean;
  /** They may have ended a process. */
  readonly suspects?: ReadonlySet<Arrival>;
}

export interface WaitOptions {
  /** Since it is held. */
  readonly maxMs: number;
  /** From now on: others get their chance, however long it was held behind something else. */
  readonly minMs: number;
}

type Readable = Pick<Task, 'arrival' | 'inboxId'>;

const MAX_ATTEMPT_LENGTH = 500;
const MAX_REASON_LENGTH = 4_000;

export function createHeldMessages(
  db: Database,
  consumer: string,
  handledTypes: readonly string[],
): HeldMessages {
  const waiting = createWaitingRows();

  /** Also when it fails: it may have been written. */
  async function hold<Row extends object>(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    return await db.query<Row>(sql, values).finally(waiting.added);
  }

  return {
    mayBeSome: waiting.mayBeSome,
    setAside: async (tasks, { starts, suspects }) => {
      const rows = await hold<{ id: string }>(SET_ASIDE, [
        consumer,
        tasks.map((task) => task.inboxId),
        tasks.map(({ arrival }) => arrival.key),
        tasks.map(({ arrival }) => arrival.type),
        tasks.map(({ arrival }) => arrival.body),
        tasks.map(({ arrival }) => arrival.enqueuedAt),
        tasks.map(({ arrival }) => suspects?.has(arrival) === true),
        starts,
      ]);
      return new Set(rows.map((row) => row.id));
    },
    fail: async ({ arrival, inboxId }, failure, delayMs) => {
      await hold(FAIL, [
        ...[consumer, inboxId, arrival.key, arrival.type, arrival.body, arrival.enqueuedAt],
        ...[toAttempt(failure), failure.description, delayMs, failure.countedCrashes],
      ]);
    },
    bury: async ({ arrival, inboxId, reason, traceparent }, failure, countedCrashes = 0) => {
      const { key, type, body, enqueuedAt } = toStorable(arrival);
      const rows = await db.query<{ buried: boolean }>(BURY, [
        ...[consumer, inboxId, key, type, body, enqueuedAt],
        ...[traceparent === undefined ? null : storableText(traceparent)],
        storableText(reason, MAX_REASON_LENGTH),
        failure ? toAttempt(failure) : null,
        ...[failure?.description ?? null, failure?.countedCrashes ?? countedCrashes],
      ]);
      return rows[0]?.buried === true;
    },
    takeDue: async (maxMessages, alone, beginsWithinMs = 0) => {
      const taken = await db.query<HeldMessage>(TAKE_DUE, [
        ...[consumer, maxMessages, alone, handledTypes, beginsWithinMs],
      ]);
      // Held until they are handled.
      if (taken.length > 0) waiting.added();
      return taken;
    },
    wait: async ({ arrival, inboxId, unknownType }, wasSuspect, { maxMs, minMs }) => {
      await hold('SELECT inbox_wait($1, $2, $3::uuid, $4, $5, $6::float8, $7::float8)', [
        ...[consumer, arrival.key, inboxId, storableText(unknownType, MAX_KEY_LENGTH)],
        ...[wasSuspect, maxMs, minMs],
      ]);
    },
    putBack: async (ids, wereSuspect, delayMs) => {
      await hold('SELECT inbox_put_back($1, $2::uuid[], $3, $4)', [consumer, ids, wereSuspect, delayMs]);
    },
    resume: async (tx, key, ids) => {
      const [row] = await tx.query<{ fresh: string[] | null }>(
        'SELECT inbox_resume($1, $2, $3::uuid[]) AS fresh',
        [consumer, key, ids],
      );
      return row?.fresh ? new Set(row.fresh) : undefined;
    },
    finish: async (tx, key, ids) => {
      await tx.query('SELECT inbox_finish($1, $2, $3::uuid[])', [consumer, key, ids]);
    },
    statistics: async () => {
      const read = async () => (await db.query<HeldStatistics>(STATISTICS, [consumer]))[0] ?? NOTHING;
      return await waiting.count(read, ({ held }) => held);
    },
  };
}

const NOTHING: HeldStatistics = { held: 0, waitingKeys: 0, dead: 0, oldestHeldAgeSeconds: 0 };

function toAttempt({ at, message }: FailureRecord): Attempt {
  return { at: at.toISOString(), error: storableText(message, MAX_ATTEMPT_LENGTH) };
}

/** Foreign producers may send what our tables cannot hold; of that, the beginning is kept. */
function toStorable(arrival: Arrival): Arrival {
  return {
    ...arrival,
    type: storableText(arrival.type, MAX_KEY_LENGTH),
    key: storableText(arrival.key, MAX_KEY_LENGTH),
    body: storableText(arrival.body, MAX_MESSAGE_BYTES),
  };
}

const SET_ASIDE = `
  SELECT id FROM inbox_set_aside(
    $1, $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[], $8) AS id`;

const FAIL =
  'SELECT inbox_fail($1, $2::uuid, $3, $4, $5, $6::timestamptz, $7::jsonb, $8, $9::integer, $10::integer)';

const BURY = `
  SELECT inbox_bury($1, $2::uuid, $3, $4, $5, $6::timestamptz, $7, $8, $9::jsonb, $10, $11::integer) AS buried`;

const TAKE_DUE = `
  SELECT message_id AS "inboxId", key, type, body, enqueued_at AS "enqueuedAt", failures, crashes, suspect,
    waited_ms AS "waitedMs"
  FROM inbox_take_due($1, $2, $3, $4::text[], $5::float8)`;

const STATISTICS = `
  SELECT (SELECT count(*) FROM (SELECT 1 FROM inbox_held WHERE consumer = $1 LIMIT 100000) AS counted)::integer AS held,
    (SELECT count(*) FROM inbox_held_key WHERE consumer = $1 AND waits_for IS NOT NULL)::integer AS "waitingKeys",
    (SELECT count(*) FROM inbox_dead_letter WHERE consumer = $1)::integer AS dead,
    coalesce(extract(epoch FROM clock_timestamp() - (
      SELECT min(enqueued_at) FROM (SELECT enqueued_at FROM inbox_held WHERE consumer = $1 LIMIT 100000) AS counted
    )), 0)::float8 AS "oldestHeldAgeSeconds"`;
