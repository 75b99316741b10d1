import type { DatabaseSync } from 'node:sqlite';

/** How many rows there are, kept beside the tables: counting a million takes longer than a writer may wait. */
export interface Tally {
  readonly spans: { count: number };
  /** By service. */
  readonly logs: Map<string, number>;
  readonly points: Map<string, number>;
}

export function countAll(db: DatabaseSync): Tally {
  const spans = Number(db.prepare('SELECT sum(spans) AS n FROM trace').get()?.['n'] ?? 0);
  const byService = (sql: string) =>
    new Map(
      db
        .prepare(sql)
        .all()
        .map((row) => [String(row['service']), Number(row['n'])] as const),
    );
  return {
    spans: { count: spans },
    logs: byService('SELECT service, count(*) AS n FROM log GROUP BY service'),
    points: byService('SELECT service, count(*) AS n FROM series JOIN point ON series = id GROUP BY service'),
  };
}

export function addTo(counts: Map<string, number>, service: string, by: number): void {
  counts.set(service, (counts.get(service) ?? 0) + by);
}

export function totalOf(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

export function largestOf(counts: ReadonlyMap<string, number>): string | undefined {
  let largest: readonly [string, number] | undefined;
  for (const entry of counts) if (largest === undefined || entry[1] > largest[1]) largest = entry;
  return largest?.[0];
}
