import type { DatabaseSync } from 'node:sqlite';
import { addTo, largestOf, type Tally, totalOf } from './tally.ts';
import { inTransaction } from './transaction.ts';

/** How much is kept. */
export interface Caps {
  /** Of the file, by what is in use. Default 512 MiB. */
  readonly bytes: number;
  /** Default 1,000,000. */
  readonly spans: number;
  /** Lines. Default 1,000,000. */
  readonly logs: number;
  /** Points of metrics. Default 2,000,000. */
  readonly points: number;
  /** How much of all spans may be in pinned traces: errors, slow ones, examples. 0 to 1, default 0.3. */
  readonly pinnedRatio: number;
}

export const DEFAULT_CAPS: Caps = {
  bytes: 512 * 1_048_576,
  spans: 1_000_000,
  logs: 1_000_000,
  points: 2_000_000,
  pinnedRatio: 0.3,
};

/** Removed in one transaction, so that no writer waits long. */
const CHUNK_ROWS = 1_000;
/** What is over a cap goes, and this share more, so that each round does some work. */
const MARGIN = 0.02;
/** Who called whom is small, and kept by age alone. */
const EDGES_KEPT_SECONDS = 7 * 86_400;

type Signal = 'spans' | 'logs' | 'points';

export interface Pruner {
  /** Removes one chunk of what is too much; `false`: nothing is. Fair: whoever has most loses its oldest. */
  step(): boolean;
  /** Removes what is old of the counts of who called whom. */
  forget(nowMs: number): void;
}

export function createPruner(db: DatabaseSync, tally: Tally, caps: Caps): Pruner {
  const goals = new Map<string, number>();
  const bytesUsed = bytesOf(db);
  const counts: Readonly<Record<Signal, () => number>> = {
    spans: () => tally.spans.count,
    logs: () => totalOf(tally.logs),
    points: () => totalOf(tally.points),
  };
  const removers: Readonly<Record<Signal, () => void>> = {
    spans: traceRemover(db, tally, caps.pinnedRatio),
    logs: logRemover(db, tally),
    points: pointRemover(db, tally),
  };
  const forgetEdges = db.prepare('DELETE FROM edge WHERE step_s < ?');

  /** Once over a cap it is brought down to a little below. */
  function isTooMuch(what: string, found: number, cap: number): boolean {
    if (found <= (goals.get(what) ?? cap)) {
      goals.delete(what);
      return false;
    }
    goals.set(what, cap * (1 - MARGIN));
    return true;
  }

  /** Where the file is too large the signal that takes most of it pays; bytes a row as measured. */
  function heaviest(): Signal {
    const weights: readonly (readonly [Signal, number])[] = [
      ['spans', counts.spans() * 450],
      ['logs', counts.logs() * 500],
      ['points', counts.points() * 60],
    ];
    return weights.reduce((most, one) => (one[1] > most[1] ? one : most))[0];
  }

  return {
    step: () => {
      for (const signal of ['spans', 'logs', 'points'] as const) {
        if (!isTooMuch(signal, counts[signal](), caps[signal])) continue;
        removers[signal]();
        return true;
      }
      if (!isTooMuch('bytes', bytesUsed(), caps.bytes)) return false;
      removers[heaviest()]();
      return true;
    },
    forget: (nowMs) => {
      forgetEdges.run(Math.floor(nowMs / 1_000) - EDGES_KEPT_SECONDS);
    },
  };
}

function bytesOf(db: DatabaseSync): () => number {
  const number = (sql: string) => {
    const statement = db.prepare(sql);
    return () => Number(Object.values(statement.get() ?? {})[0] ?? 0);
  };
  const [pages, free] = [number('PRAGMA page_count'), number('PRAGMA freelist_count')];
  const pageSize = number('PRAGMA page_size')();
  return () => (pages() - free()) * pageSize;
}

interface Payer {
  readonly isPinned: boolean;
  readonly owner: string;
}

/** Whoever pays goes on paying for a while: finding out who has most looks at all traces. */
const CHUNKS_A_ROUND = 20;

/** Removes the oldest traces of whoever has most; pinned ones once they are more than their share. */
function traceRemover(db: DatabaseSync, tally: Tally, pinnedRatio: number): () => void {
  const groups = db.prepare(
    'SELECT pinned > 0 AS is_pinned, owner, sum(spans) AS spans FROM trace GROUP BY 1, 2',
  );
  const oldest = db.prepare(
    'SELECT trace_id, spans FROM trace WHERE owner = ? AND (pinned > 0) = ? ORDER BY start_ns LIMIT ?',
  );
  const removeSpans = db.prepare('DELETE FROM span WHERE trace_id = ?');
  const removeTrace = db.prepare('DELETE FROM trace WHERE trace_id = ?');
  let payer: Payer | undefined;
  let chunksLeft = 0;

  function findPayer(): Payer | undefined {
    const found = groups.all().map((row) => ({
      isPinned: Number(row['is_pinned']) === 1,
      owner: String(row['owner']),
      spans: Number(row['spans']),
    }));
    const spansOf = (some: typeof found) => some.reduce((sum, { spans }) => sum + spans, 0);
    const pinned = found.filter(({ isPinned }) => isPinned);
    const ordinary = found.filter(({ isPinned }) => !isPinned);
    const pinnedPays = ordinary.length === 0 || spansOf(pinned) > spansOf(found) * pinnedRatio;
    return (pinnedPays ? pinned : ordinary).sort((a, b) => b.spans - a.spans)[0];
  }

  return () => {
    if (chunksLeft === 0) [payer, chunksLeft] = [findPayer(), CHUNKS_A_ROUND];
    chunksLeft -= 1;
    if (payer === undefined) return;
    const { owner, isPinned } = payer;
    let removed = 0;
    inTransaction(db, () => {
      for (const row of oldest.all(owner, isPinned ? 1 : 0, CHUNK_ROWS)) {
        const id = row['trace_id'] as Uint8Array;
        removeSpans.run(id);
        removeTrace.run(id);
        removed += Number(row['spans']);
        if (removed >= CHUNK_ROWS) return;
      }
      chunksLeft = 0; // it has none left: somebody else pays
    });
    tally.spans.count = Math.max(0, tally.spans.count - removed);
  };
}

function logRemover(db: DatabaseSync, tally: Tally): () => void {
  const oldest = db.prepare('SELECT id FROM log WHERE service = ? ORDER BY time_ns LIMIT ?');
  const remove = db.prepare('DELETE FROM log WHERE id = ?');
  const removeText = db.prepare('DELETE FROM log_text WHERE rowid = ?');
  return () => {
    const service = largestOf(tally.logs);
    if (service === undefined) return;
    const rows = oldest.all(service, CHUNK_ROWS) as { id: number }[];
    inTransaction(db, () => {
      for (const { id } of rows) {
        remove.run(id);
        removeText.run(id);
      }
    });
    if (rows.length === 0) tally.logs.delete(service);
    else addTo(tally.logs, service, -rows.length);
  };
}

/** The oldest points of the service that has most; a series that has none left goes, too. */
function pointRemover(db: DatabaseSync, tally: Tally): () => void {
  const series = db.prepare(
    `SELECT id FROM series WHERE service = ?
       ORDER BY (SELECT min(time_ms) FROM point WHERE series = id) LIMIT 100`,
  );
  const remove = db.prepare(
    `DELETE FROM point WHERE series = ?1
       AND time_ms <= coalesce((SELECT time_ms FROM point WHERE series = ?1 ORDER BY time_ms LIMIT 1 OFFSET 9),
         (SELECT max(time_ms) FROM point WHERE series = ?1))`,
  );
  const removeEmpty = db.prepare(
    'DELETE FROM series WHERE id = ? AND NOT EXISTS (SELECT 1 FROM point WHERE series = id)',
  );
  return () => {
    const service = largestOf(tally.points);
    if (service === undefined) return;
    let removed = 0;
    inTransaction(db, () => {
      for (const { id } of series.all(service) as { id: number }[]) {
        removed += Number(remove.run(id).changes);
        removeEmpty.run(id);
      }
    });
    if (removed === 0) tally.points.delete(service);
    else addTo(tally.points, service, -removed);
  };
}
