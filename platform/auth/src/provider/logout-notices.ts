import { type Clock, type NewId, spread, toError, within } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { EndedSession } from './sessions.ts';

/** Tells clients that a session ended (OpenID Connect Back-Channel Logout 1.0), however long they cannot be reached. */
export interface LogoutNotices {
  /** In the transaction that ends the session. */
  add(tx: Transaction, session: EndedSession): Promise<void>;
  /** Sends what is due, some at a time. A client that hangs or refuses holds up no other. Returns how many were tried. */
  deliver(): Promise<number>;
}

export interface LogoutNotice {
  readonly id: string;
  readonly clientId: string;
  readonly accountId: string;
  readonly sessionId: string;
}

export interface LogoutNoticesOptions {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
  /** Where the client wants to be told; only these addresses are ever called. */
  readonly uriOf: (clientId: string) => string | undefined;
  /** The logout token, made anew for each attempt: it lives two minutes. */
  readonly sign: (notice: LogoutNotice) => Promise<string>;
  /** Gives the status. */
  readonly post?: (uri: string, form: URLSearchParams, signal: AbortSignal) => Promise<number>;
  readonly onGivenUp: (notice: LogoutNotice, problem: string) => void;
  /** Longest attempt. Default 5,000. */
  readonly timeoutMs?: number;
  /** After this a client is given up. Default 24 hours. */
  readonly giveUpAfterSeconds?: number;
}

const BATCH = 20;
const MAX_PAUSE_MS = 15 * 60_000;

const ADD = `
  INSERT INTO auth_logout_notice (id, client_id, account_id, session_id, created_at, next_attempt_at)
  VALUES ($1, $2, $3, $4, $5, $5)`;

// Taken for longer than an attempt lasts: what a process that ends has not settled is due again then.
const TAKE = `
  UPDATE auth_logout_notice n SET attempts = attempts + 1, next_attempt_at = $2
  WHERE id IN (
    SELECT id FROM auth_logout_notice WHERE settled_at IS NULL AND next_attempt_at <= $1
    ORDER BY next_attempt_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
  RETURNING id, client_id, account_id, session_id, attempts, created_at`;

const SETTLE = `
  UPDATE auth_logout_notice SET settled_at = $2, delivered = $3, last_problem = $4 WHERE id = $1`;

const POSTPONE = 'UPDATE auth_logout_notice SET next_attempt_at = $2, last_problem = $3 WHERE id = $1';

interface Row {
  readonly id: string;
  readonly client_id: string;
  readonly account_id: string;
  readonly session_id: string;
  readonly attempts: number;
  readonly created_at: Date;
}

export function createLogoutNotices(options: LogoutNoticesOptions): LogoutNotices {
  const { db, clock, newId, uriOf, onGivenUp } = options;
  const { timeoutMs = 5_000, giveUpAfterSeconds = 24 * 3_600 } = options;

  async function settle(id: string, delivered: boolean, problem: string | null): Promise<void> {
    await db.query(SETTLE, [id, clock.now(), delivered, problem]);
  }

  async function attempt(row: Row): Promise<void> {
    const notice = {
      id: row.id,
      clientId: row.client_id,
      accountId: row.account_id,
      sessionId: row.session_id,
    };
    const problem = await tell(notice, options, timeoutMs);
    if (problem === undefined) return await settle(row.id, true, null);
    const now = clock.now().getTime();
    if (now - row.created_at.getTime() > giveUpAfterSeconds * 1_000 || uriOf(row.client_id) === undefined) {
      await settle(row.id, false, problem);
      onGivenUp(notice, problem);
      return;
    }
    const pauseMs = spread(Math.min(1_000 * 2 ** (row.attempts - 1), MAX_PAUSE_MS));
    await db.query(POSTPONE, [row.id, new Date(now + pauseMs), problem]);
  }

  return {
    add: async (tx, { id, accountId, clientIds, endedAt }) => {
      for (const clientId of clientIds)
        if (uriOf(clientId) !== undefined) await tx.query(ADD, [newId(), clientId, accountId, id, endedAt]);
    },
    deliver: async () => {
      const now = clock.now();
      const rows = await db.query<Row>(TAKE, [now, new Date(now.getTime() + 2 * timeoutMs)]);
      await Promise.all(rows.map(attempt));
      return rows.length;
    },
  };
}

/** What went wrong, if anything. */
async function tell(
  notice: LogoutNotice,
  { uriOf, sign, post = postForm }: LogoutNoticesOptions,
  timeoutMs: number,
): Promise<string | undefined> {
  const uri = uriOf(notice.clientId);
  if (uri === undefined) return 'the client wants no notices any more';
  try {
    const status = await within(
      timeoutMs,
      async (signal) => post(uri, new URLSearchParams({ logout_token: await sign(notice) }), signal),
      { reason: () => new Error(`no response within ${timeoutMs} ms`) },
    );
    return status === 200 || status === 204 ? undefined : `answered ${status}`;
  } catch (thrown) {
    return toError(thrown).message;
  }
}

/** Private addresses are as good as others: only what was registered is called, and no redirect is followed. */
async function postForm(uri: string, form: URLSearchParams, signal: AbortSignal): Promise<number> {
  const response = await fetch(uri, { method: 'POST', body: form, redirect: 'manual', signal });
  await response.body?.cancel();
  return response.status;
}
