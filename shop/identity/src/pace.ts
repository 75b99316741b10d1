import type { Queryable } from '@flotilla/postgres';

/** Bounds how often somebody may do something. Kept in the database: it holds for all replicas and across restarts. */
export interface Pace {
  /**
   * Counts one time of `subject` (an address, an account), unless it is one too many: then the milliseconds until the next.
   * 0 = it may go on.
   */
  take(subject: string, on?: Queryable): Promise<number>;
}

export interface PaceRule {
  /** What is bounded: the same subject may do other things at their own pace. */
  readonly what: string;
  /** At once. */
  readonly burst: number;
  /** One is forgotten in each such stretch. */
  readonly forgetOneAfterMs: number;
}

/**
 * Sign-ups of a network address: each costs a core for some 40 ms, stores an account, sends a mail and tells whether an
 * address is taken. An office, a school or a shop's till may stand behind one address: 100, then 720 an hour for ever.
 */
export const SIGN_UPS: PaceRule = { what: 'sign-up', burst: 100, forgetOneAfterMs: 5_000 };

/** Resets that one network address asks for. */
export const RESET_REQUESTS: PaceRule = { what: 'reset', burst: 20, forgetOneAfterMs: 30_000 };

/**
 * Mails with a link to one account. Less often than links expire, so that whoever asks for many on behalf of somebody else
 * leaves them with one that works.
 */
export const LINK_MAILS: PaceRule = { what: 'link', burst: 3, forgetOneAfterMs: 20 * 60_000 };

// One statement: of any number at once exactly as many are taken as there are left.
const TAKE = `
  INSERT INTO pace AS p (subject, forgotten_at)
  VALUES ($1, clock_timestamp() + $2 * interval '1 millisecond')
  ON CONFLICT (subject) DO UPDATE SET
    forgotten_at = greatest(p.forgotten_at, clock_timestamp()) + $2 * interval '1 millisecond'
  WHERE p.forgotten_at <= clock_timestamp() + $3 * interval '1 millisecond'
  RETURNING 1`;

const WAIT = `
  SELECT ceil(extract(epoch FROM forgotten_at - clock_timestamp()) * 1000)::float8 - $2 AS wait_ms
  FROM pace WHERE subject = $1`;

export function createPace(db: Queryable, { what, burst, forgetOneAfterMs }: PaceRule): Pace {
  const roomMs = (burst - 1) * forgetOneAfterMs;
  return {
    take: async (subject, on = db) => {
      const key = `${what}:${subject}`;
      const taken = await on.query(TAKE, [key, forgetOneAfterMs, roomMs]);
      if (taken.length > 0) return 0;
      const [row] = await on.query<{ wait_ms: number }>(WAIT, [key, roomMs]);
      return Math.max(1, row?.wait_ms ?? 1);
    },
  };
}
