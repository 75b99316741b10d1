/** What an order's client saw. Definite answers only: an attempt that timed out is not listed. */
export interface ClientRecord {
  /** The Idempotency-Key; unique in the whole history. */
  readonly key: string;
  readonly answers: readonly { readonly status: number; readonly orderId: string }[];
}

/** What is looked at, and the service that each belongs to. */
export const DATABASES = {
  order: 'order',
  inventory: 'inventory',
  pricing: 'pricing',
  payment: 'payment',
  provider: 'payment-provider',
  shipping: 'shipping',
  cart: 'cart',
  notification: 'notification',
  identity: 'identity',
  user: 'user',
  recommendation: 'recommendation',
  legacy: 'legacy',
  bus: 'bus',
} as const;

export type DatabaseName = keyof typeof DATABASES;

/** In the order in which they are told. */
export const DATABASE_NAMES = Object.keys(DATABASES) as readonly DatabaseName[];

/** The databases of a whole system, read only. */
export interface System {
  has(database: DatabaseName): boolean;
  read<Row extends object>(database: DatabaseName, sql: string): Promise<Row[]>;
  readonly history: readonly ClientRecord[] | undefined;
}

/** One thing that is wrong, as facts to look it up by. */
export type Violation = Readonly<Record<string, unknown>>;

/** One thing that must always hold. The search returns what violates it: nothing found is a pass. */
export interface Invariant {
  readonly id: string;
  readonly what: string;
  /** `always`: at every instant, also while orders flow. `at-rest`: once everything has settled. */
  readonly holds: 'always' | 'at-rest';
  readonly needs: readonly DatabaseName[];
  readonly find: (system: System) => Promise<readonly Violation[]>;
}

/** An invariant of one database: a query that returns the rows which violate it. */
export function bySql(
  invariant: Omit<Invariant, 'needs' | 'find'> & { readonly database: DatabaseName; readonly sql: string },
): Invariant {
  const { database, sql, ...named } = invariant;
  return { ...named, needs: [database], find: (system) => system.read(database, sql) };
}

/**
 * Compares two sides that must tell the same, keyed alike: what one side does not have, and where the values
 * differ.
 */
export function reconcile(
  left: { readonly name: string; readonly values: ReadonlyMap<string, string> },
  right: { readonly name: string; readonly values: ReadonlyMap<string, string> },
): Violation[] {
  const keys = new Set([...left.values.keys(), ...right.values.keys()]);
  return [...keys]
    .filter((key) => left.values.get(key) !== right.values.get(key))
    .map((key) => ({
      key,
      [left.name]: left.values.get(key) ?? 'nothing',
      [right.name]: right.values.get(key) ?? 'nothing',
    }));
}

export function toMap<Row>(
  rows: readonly Row[],
  key: (row: Row) => string,
  value: (row: Row) => string,
): Map<string, string> {
  return new Map(rows.map((row) => [key(row), value(row)]));
}
