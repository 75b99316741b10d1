/** What every contender carries, and how it is timed. All times are of the machine's monotonic clock, in ms. */

export interface Parcel {
  readonly n: number;
  readonly key: string;
  readonly note: string;
}

/** Keys are many, as orders are, and come back often enough for their order to matter. */
export const KEYS = 1_000;
export const NOTE = 'x'.repeat(160);

export function parcel(n: number): Parcel {
  return { n, key: `order-${n % KEYS}`, note: NOTE };
}

/** The publisher's business row, and the subscriber's effect. */
export const BUSINESS_TABLE =
  'CREATE TABLE business (n integer PRIMARY KEY, key text NOT NULL, note text NOT NULL)';
export const INSERT_BUSINESS = 'INSERT INTO business (n, key, note) VALUES ($1, $2, $3)';
export const EFFECT_TABLE = 'CREATE TABLE effect (n integer PRIMARY KEY, key text NOT NULL)';
export const INSERT_EFFECT = 'INSERT INTO effect (n, key) VALUES ($1, $2)';

/** Comparable between processes of one machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
