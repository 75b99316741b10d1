import { isUuid, type Static } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { addressSchema } from '@shop/contracts';
import { isMatched } from './domain/version-tag.ts';

export type Address = Static<typeof addressSchema>;

export interface SavedAddress {
  readonly id: string;
  readonly address: Address;
  /** The one to offer first. */
  readonly isDefault: boolean;
  readonly version: number;
}

export type Unchanged = 'unknown' | { readonly changedTo: number };

/** Where people have parcels sent to. Somebody else's address is unknown. */
export interface AddressStore {
  /** In the order of adding, after the address `afterId`. */
  list(userId: string, limit: number, afterId?: string): Promise<readonly SavedAddress[]>;
  /** One that is there already stays the one it is; the only one is the default. Of several at once no more than `max` are added: `undefined`. */
  add(userId: string, id: string, address: Address, max: number): Promise<SavedAddress | undefined>;
  /** Changes the version that `ifMatch` names; `undefined` names each. */
  put(userId: string, id: string, address: Address, ifMatch?: string): Promise<SavedAddress | Unchanged>;
  remove(userId: string, id: string, ifMatch?: string): Promise<'removed' | Unchanged>;
  /** The default is this one, and no other. */
  prefer(userId: string, id: string): Promise<'preferred' | 'unknown'>;
}

const COLUMNS = 'id, name, line1, city, postal_code, country, is_default, version';

const LIST = `
  SELECT ${COLUMNS} FROM address WHERE user_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`;

const ADD = `
  INSERT INTO address (id, user_id, name, line1, city, postal_code, country, is_default)
  SELECT $1, $2, $3, $4, $5, $6, $7, NOT EXISTS (SELECT FROM address WHERE user_id = $2)
  WHERE (SELECT count(*) FROM address WHERE user_id = $2) < $8
    AND NOT EXISTS (SELECT FROM erasure WHERE user_id = $2 AND status <> 'refused')
  RETURNING ${COLUMNS}`;

const SAME = `
  SELECT ${COLUMNS} FROM address
  WHERE user_id = $1 AND (name, line1, city, postal_code, country) = ($2, $3, $4, $5, $6) ORDER BY id LIMIT 1`;

const PUT = `
  UPDATE address SET name = $3, line1 = $4, city = $5, postal_code = $6, country = $7, version = version + 1
  WHERE id = $1 AND user_id = $2 RETURNING ${COLUMNS}`;

const EVERY = 'SELECT id, is_default FROM address WHERE user_id = $1 ORDER BY id FOR UPDATE';
/** An index holds one default a person at each moment: the old one goes first. */
const STOP_PREFERRING = 'UPDATE address SET is_default = false WHERE user_id = $1 AND is_default';
const PREFER = 'UPDATE address SET is_default = true WHERE user_id = $1 AND id = $2';

export function createAddressStore(db: Database): AddressStore {
  /** What to do with the version that is there, which nobody else changes meanwhile. */
  const change = <T>(
    { userId, id, ifMatch }: { readonly userId: string; readonly id: string; readonly ifMatch?: string },
    statement: string,
    values: readonly string[],
    done: (rows: readonly AddressRow[]) => T,
  ): Promise<T | Unchanged> =>
    db.transaction(async (tx) => {
      if (!isUuid(id)) return 'unknown';
      const [found] = await tx.query<{ readonly version: number }>(
        'SELECT version FROM address WHERE id = $1 AND user_id = $2 FOR UPDATE',
        [id, userId],
      );
      if (!found) return 'unknown';
      if (!isMatched(ifMatch, found.version)) return { changedTo: found.version };
      return done(await tx.query<AddressRow>(statement, [id, userId, ...values]));
    });

  return {
    list: async (userId, limit, afterId) => {
      const rows = await db.query<AddressRow>(LIST, [userId, afterId ?? null, limit]);
      return rows.map(toAddress);
    },
    add: (userId, id, address, max) =>
      db.transaction(async (tx) => {
        // Those who add at once count one after the other.
        await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`address ${userId}`]);
        const [known] = await tx.query<AddressRow>(SAME, [userId, ...columnsOf(address)]);
        if (known) return toAddress(known);
        const [added] = await tx.query<AddressRow>(ADD, [id, userId, ...columnsOf(address), max]);
        return added && toAddress(added);
      }),
    put: (userId, id, address, ifMatch) =>
      change(asked(userId, id, ifMatch), PUT, columnsOf(address), ([row]) => {
        if (!row) throw new RangeError('a locked row is there');
        return toAddress(row);
      }),
    remove: (userId, id, ifMatch) =>
      change(
        asked(userId, id, ifMatch),
        'DELETE FROM address WHERE id = $1 AND user_id = $2',
        [],
        () => 'removed' as const,
      ),
    prefer: (userId, id) =>
      db.transaction(async (tx) => {
        // Those who prefer at once do it one after the other.
        const all = await tx.query<Pick<AddressRow, 'id' | 'is_default'>>(EVERY, [userId]);
        const found = all.find((row) => row.id === id);
        if (!found) return 'unknown';
        if (found.is_default) return 'preferred';
        await tx.query(STOP_PREFERRING, [userId]);
        await tx.query(PREFER, [userId, id]);
        return 'preferred';
      }),
  };
}

function asked(userId: string, id: string, ifMatch: string | undefined) {
  return { userId, id, ...(ifMatch !== undefined && { ifMatch }) };
}

function columnsOf({ name, line1, city, postalCode, country }: Address): readonly string[] {
  return [name, line1, city, postalCode, country];
}

interface AddressRow {
  readonly id: string;
  readonly name: string;
  readonly line1: string;
  readonly city: string;
  readonly postal_code: string;
  readonly country: string;
  readonly is_default: boolean;
  readonly version: number;
}

function toAddress({
  id,
  version,
  is_default: isDefault,
  postal_code: postalCode,
  ...rest
}: AddressRow): SavedAddress {
  const { name, line1, city, country } = rest;
  return { id, isDefault, version, address: { name, line1, city, postalCode, country } };
}
