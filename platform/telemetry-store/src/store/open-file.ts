import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Of the tables below. A file of another version is begun afresh: telemetry is no data that anybody restores. */
const VERSION = 1;

const TABLES = `
  CREATE TABLE resource (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, instance TEXT NOT NULL, version TEXT NOT NULL,
    attributes TEXT NOT NULL, UNIQUE (service, instance, version, attributes));

  -- A table with row ids and two indexes: 3 times the speed of a key of both ids, and smaller.
  CREATE TABLE span (
    id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB, resource INTEGER NOT NULL,
    scope TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL, start_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL,
    status INTEGER NOT NULL, status_message TEXT, attributes TEXT NOT NULL, events TEXT, links TEXT);
  CREATE INDEX span_trace ON span (trace_id);

  -- One row a trace: what lists show, what retention decides upon. owner is the service of its root.
  CREATE TABLE trace (
    trace_id BLOB PRIMARY KEY, owner TEXT NOT NULL, root_name TEXT, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    root_ns INTEGER, spans INTEGER NOT NULL, errors INTEGER NOT NULL, pinned INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX trace_start ON trace (start_ns);
  CREATE INDEX trace_owner ON trace (pinned, owner, start_ns);

  CREATE TABLE log (
    id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, service TEXT NOT NULL, resource INTEGER NOT NULL, severity INTEGER NOT NULL,
    scope TEXT NOT NULL, trace_id BLOB, span_id BLOB, body TEXT NOT NULL, attributes TEXT NOT NULL);
  CREATE INDEX log_time ON log (time_ns);
  CREATE INDEX log_service ON log (service, time_ns);
  CREATE INDEX log_trace ON log (trace_id) WHERE trace_id IS NOT NULL;
  CREATE VIRTUAL TABLE log_text USING fts5 (text, content='', contentless_delete=1, detail=full);

  CREATE TABLE series (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, resource INTEGER NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
    description TEXT NOT NULL, type TEXT NOT NULL, temporality INTEGER NOT NULL, monotonic INTEGER NOT NULL,
    attributes TEXT NOT NULL, UNIQUE (resource, name, attributes));
  CREATE INDEX series_name ON series (name);
  CREATE TABLE point (
    series INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL NOT NULL, count INTEGER NOT NULL, distribution TEXT,
    PRIMARY KEY (series, time_ms)) WITHOUT ROWID;

  -- Who called whom, in steps of ten seconds.
  CREATE TABLE edge (
    step_s INTEGER NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, halves INTEGER NOT NULL,
    count INTEGER NOT NULL, errors INTEGER NOT NULL, durations TEXT NOT NULL,
    PRIMARY KEY (step_s, source, target, kind, halves)) WITHOUT ROWID;

  -- What was not kept, and why, since the file was begun.
  CREATE TABLE loss (signal TEXT NOT NULL, why TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (signal, why)) WITHOUT ROWID;
`;

export interface OpenedFile {
  readonly db: DatabaseSync;
  /** Why a file that was there is not used any more; it lies beside. */
  readonly setAside: string | undefined;
}

/** Opens the file for its one writer, or begins it. One that is torn or of another version is moved aside. */
export function openFile(path: string): OpenedFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return { db: openAt(path), setAside: undefined };
  } catch (error) {
    if (!isUnusable(error)) throw error;
    const setAside = `${path}.unusable`;
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    renameSync(path, setAside);
    return { db: openAt(path), setAside: `${(error as Error).message}; it is ${setAside} now` };
  }
}

const UNUSABLE = [11, 26]; // SQLITE_CORRUPT, SQLITE_NOTADB

/** A file that is merely locked, or not ours to read, is left alone. */
function isUnusable(error: unknown): boolean {
  if (error instanceof RangeError) return true;
  const { errcode } = error as { readonly errcode?: number };
  return errcode !== undefined && UNUSABLE.includes(errcode % 256);
}

function openAt(path: string): DatabaseSync {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600); // what it holds is for this user alone
  const db = new DatabaseSync(path, { timeout: 5_000 });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;');
    db.exec('PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384;');
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version === VERSION) return db;
    if (version !== 0) throw new RangeError(`it has version ${version} of the tables, not ${VERSION}`);
    db.exec(`BEGIN; ${TABLES} PRAGMA user_version = ${VERSION}; COMMIT`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
