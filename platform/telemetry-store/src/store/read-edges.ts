import type { DatabaseSync } from 'node:sqlite';
import { addAll, type DurationCounts, emptyDurations, parseDurations, quantileMs } from './durations.ts';
import { type EdgeHalves, type EdgeKind, STEP_SECONDS } from './edges.ts';

/** Who called whom in a span of time. */
export interface Edge {
  readonly source: string;
  readonly target: string;
  readonly kind: EdgeKind;
  readonly count: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** Who has told of it: where not both have, one of them sends no telemetry, or its telemetry was lost. */
  readonly halves: EdgeHalves;
  /** Counts in steps of ten seconds, oldest first. */
  readonly steps: readonly number[];
}

export interface EdgeReader {
  /** Both in milliseconds since 1970. */
  list(fromMs: number, toMs: number): readonly Edge[];
}

const HALVES: readonly EdgeHalves[] = ['both', 'source', 'target'];

interface Sum {
  count: number;
  errors: number;
  readonly durations: DurationCounts;
  readonly halves: Set<number>;
  readonly steps: number[];
}

export function createEdgeReader(db: DatabaseSync): EdgeReader {
  const rows = db.prepare('SELECT * FROM edge WHERE step_s >= ? AND step_s < ?');
  return {
    list: (fromMs, toMs) => {
      const first = Math.floor(fromMs / 1_000 / STEP_SECONDS) * STEP_SECONDS;
      const steps = Math.max(1, Math.ceil((toMs / 1_000 - first) / STEP_SECONDS));
      const sums = new Map<string, Sum>();
      for (const row of rows.all(first, Math.ceil(toMs / 1_000))) {
        const key = [row['source'], row['target'], row['kind']].join('\n');
        let sum = sums.get(key);
        if (sum === undefined) {
          sum = {
            ...{ count: 0, errors: 0, durations: emptyDurations(), halves: new Set() },
            steps: new Array<number>(steps).fill(0),
          };
          sums.set(key, sum);
        }
        const index = (Number(row['step_s']) - first) / STEP_SECONDS;
        sum.count += Number(row['count']);
        sum.errors += Number(row['errors']);
        sum.halves.add(Number(row['halves']));
        sum.steps[index] = (sum.steps[index] ?? 0) + Number(row['count']);
        addAll(sum.durations, parseDurations(String(row['durations'])));
      }
      return [...sums].map(([key, sum]) => edgeOf(key, sum)).sort((a, b) => b.count - a.count);
    },
  };
}

function edgeOf(key: string, { count, errors, durations, halves, steps }: Sum): Edge {
  const [source = '', target = '', kind = 'call'] = key.split('\n');
  const seen = halves.has(0) ? 0 : ([...halves][0] ?? 0);
  return {
    ...{ source, target, kind: kind as EdgeKind, count, errors, steps },
    p50Ms: quantileMs(durations, 0.5),
    p95Ms: quantileMs(durations, 0.95),
    halves: HALVES[seen] ?? 'both',
  };
}
