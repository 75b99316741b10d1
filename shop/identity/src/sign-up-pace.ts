import type { Database } from '@flotilla/postgres';

/**
 * Bounds the sign-ups of one network address: each costs a core for some 40 ms, stores an account, sends a mail and
 * tells whether an address is taken. Kept in the database: it holds for all replicas and across restarts.
 */
export interface SignUpPace {
  /** Counts one sign-up, unless it is one too many: then the milliseconds until the next. 0 = it may go on. */
  take(address: string): Promise<number>;
}

/** At once. An office, a school or a shop's till may stand behind one address. */
const BURST = 100;
/** One is forgotten in each such stretch: 720 an hour for ever. */
const FORGET_ONE_AFTER_MS = 5_000;

// One statement: of any number at once exactly as many are taken as there are left.
const TAKE = `
  INSERT INTO sign_up_pace AS p (address, forgotten_at)
  VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
  ON CONFLICT (address) DO UPDATE SET
    forgotten_at = greatest(p.forgotten_at, clock_timestamp()) + $2 * interval '1 millisecond'
  WHERE p.forgotten_at <= clock_timestamp() + $3 * interval '1 millisecond'
  RETURNING 1`;

const WAIT = `
  SELECT ceil(extract(epoch FROM forgotten_at - clock_timestamp()) * 1000)::float8 - $2 AS wait_ms
  FROM sign_up_pace WHERE address = $1`;

export function createSignUpPace(db: Database): SignUpPace {
  const roomMs = (BURST - 1) * FORGET_ONE_AFTER_MS;
  return {
    take: async (address) => {
      const taken = await db.query(TAKE, [address, FORGET_ONE_AFTER_MS, roomMs]);
      if (taken.length > 0) return 0;
      const [row] = await db.query<{ wait_ms: number }>(WAIT, [address, roomMs]);
      return Math.max(1, row?.wait_ms ?? 1);
    },
  };
}
