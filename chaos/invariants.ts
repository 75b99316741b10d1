import { createDatabase } from '@flotilla/postgres';
import { readRecords, standInForTables } from '../shop/inventory/test/records.ts';
import { answers } from './answers.ts';
import { choreography } from './choreography.ts';
import { coupons } from './coupons.ts';
import {
  type ClientRecord,
  DATABASE_NAMES,
  type DatabaseName,
  type Invariant,
  type System,
  type Violation,
} from './invariant.ts';
import { legacy } from './legacy.ts';
import { messages } from './messages.ts';
import { money } from './money.ts';
import { orders } from './orders.ts';
import { people } from './people.ts';
import { stock } from './stock.ts';

/** Everything that must hold, in the order it is reported. */
export const invariants: readonly Invariant[] = [
  ...money,
  ...answers,
  ...coupons,
  ...people,
  ...stock,
  ...orders,
  ...choreography,
  ...legacy,
  ...messages,
];

type Required = 'order' | 'inventory' | 'payment' | 'provider' | 'shipping';

/** Connection strings with the right to read every table, and what the clients saw. */
export type SystemUnderCheck = Readonly<Record<Required, string>> &
  Readonly<Partial<Record<Exclude<DatabaseName, Required>, string>>> & {
    readonly history?: readonly ClientRecord[];
    /** Where the inventory has documents in the place of its tables. */
    readonly inventoryDocuments?: string | undefined;
    /** While orders flow only what holds `always` is checked. Default `at-rest`: everything. */
    readonly moment?: 'always' | 'at-rest';
    /** By its id. Default: every one. */
    readonly only?: string;
  };

export interface Finding {
  readonly id: string;
  readonly what: string;
  readonly violations: readonly Violation[];
  /** Why it was not checked. */
  readonly skipped?: string;
}

/** Looks for violations in the databases themselves; changes nothing. A database that cannot be read is an error. */
export async function checkInvariants(check: SystemUnderCheck): Promise<readonly Finding[]> {
  const checker = openChecker(check);
  try {
    return await checker.check(check);
  } finally {
    await checker.close();
  }
}

/** Checks one system again and again over the same connections. */
export interface Checker {
  check(what?: Pick<SystemUnderCheck, 'history' | 'moment' | 'only'>): Promise<readonly Finding[]>;
  close(): Promise<void>;
}

/** Every invariant is looked for at once over few connections, and in a large system each takes its time. */
const PATIENCE = { maxConnections: 2, acquireTimeoutMs: 600_000, statementTimeoutMs: 600_000 } as const;

export function openChecker(databases: SystemUnderCheck): Checker {
  const open = new Map(
    DATABASE_NAMES.flatMap((name) => {
      const uri = databases[name];
      return uri === undefined
        ? []
        : [[name, createDatabase({ uri, applicationName: 'invariants', ...PATIENCE })] as const];
    }),
  );
  const read: System['read'] = async (name, sql) => {
    const database = open.get(name);
    if (!database) throw new RangeError(`there is no connection string for ${name}`);
    const { inventoryDocuments: uri } = databases;
    if (name !== 'inventory' || uri === undefined) return await database.query(sql);
    const records = await readRecords(uri);
    return await database.transaction(async (tx) => {
      await standInForTables(tx, records);
      return await tx.query(sql);
    });
  };
  return {
    check: async ({ history, moment = 'at-rest', only } = {}) => {
      const system: System = { has: (name) => open.has(name), read, history };
      const due = invariants.filter(
        ({ id, holds }) =>
          (moment === 'at-rest' || holds === 'always') && (only === undefined || id === only),
      );
      return await Promise.all(due.map((invariant) => look(invariant, system)));
    },
    close: async () => {
      await Promise.all([...open.values()].map((database) => database.close()));
    },
  };
}

/** Those that were violated: nothing is a pass. */
export function violated(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((finding) => finding.violations.length > 0);
}

async function look(invariant: Invariant, system: System): Promise<Finding> {
  const { id, what, needs } = invariant;
  const missing = needs.filter((name) => !system.has(name));
  if (missing.length > 0)
    return { id, what, violations: [], skipped: `no connection to ${missing.join(', ')}` };
  return { id, what, violations: await invariant.find(system) };
}
