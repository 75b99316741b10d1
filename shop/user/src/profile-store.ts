import type { Database, Queryable, Transaction } from '@flotilla/postgres';
import type { Profile } from './domain/profile.ts';

export interface ProfileStore {
  find(userId: string): Promise<Profile | undefined>;
  /** The profile as nobody else changes it until the transaction ends. */
  lock(tx: Transaction, userId: string): Promise<Profile | undefined>;
  /** Keeps a person's first profile; one that is there stays as it is, and of who is erased there is none. */
  ensure(tx: Transaction, profile: Profile): Promise<void>;
  /** Stores what was made of the profile that was locked. */
  put(tx: Transaction, profile: Profile): Promise<void>;
}

const ENSURE = `
  INSERT INTO profile (user_id, email, name, registered_at)
  SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM erasure WHERE user_id = $1 AND status <> 'refused')
  ON CONFLICT (user_id) DO NOTHING`;

const PUT = `
  UPDATE profile SET name = $2, locale = $3, notify_orders = $4, notify_shipping = $5, version = $6
  WHERE user_id = $1`;

const FIND = 'SELECT * FROM profile WHERE user_id = $1';

export function createProfileStore(db: Database): ProfileStore {
  return {
    find: (userId) => read(db, FIND, userId),
    lock: (tx, userId) => read(tx, `${FIND} FOR UPDATE`, userId),
    ensure: async (tx, { userId, email, name, registeredAt }) => {
      await tx.query(ENSURE, [userId, email, name, registeredAt]);
    },
    put: async (tx, { userId, name, locale, notifications: { orders, shipping }, version }) => {
      await tx.query(PUT, [userId, name, locale, orders, shipping, version]);
    },
  };
}

interface ProfileRow {
  readonly user_id: string;
  readonly email: string;
  readonly name: string;
  readonly locale: string;
  readonly notify_orders: boolean;
  readonly notify_shipping: boolean;
  readonly version: number;
  readonly registered_at: Date;
}

async function read(on: Queryable, statement: string, userId: string): Promise<Profile | undefined> {
  const [row] = await on.query<ProfileRow>(statement, [userId]);
  return (
    row && {
      ...{ userId: row.user_id, email: row.email, name: row.name, locale: row.locale },
      notifications: { orders: row.notify_orders, shipping: row.notify_shipping },
      ...{ version: row.version, registeredAt: row.registered_at },
    }
  );
}
