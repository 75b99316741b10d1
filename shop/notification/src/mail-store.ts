import { type Database, storableText, type Transaction } from '@flotilla/postgres';
import type { Mail } from './domain/letter.ts';

/** `queued`: an SMTP sender takes it from here. `delivered`: this store is the mailbox. */
export type Delivery = 'queued' | 'delivered';

/** A mail that was written before there were pages has none. */
export type StoredMail = Omit<Mail, 'html'> & Partial<Pick<Mail, 'html'>> & { readonly id: string };

export interface QueuedMail extends StoredMail {
  /** This one included. */
  readonly attempts: number;
  readonly ageMs: number;
}

export interface SentMail extends StoredMail {
  readonly number: string;
  readonly sentAt: Date;
}

export interface WrittenMail {
  readonly id: string;
  readonly userId: string;
  readonly mail: Mail;
  readonly delivery: Delivery;
}

export interface MailStore {
  /** The same id again changes nothing. */
  add(tx: Transaction, written: WrittenMail): Promise<void>;
  /** Takes mails that are due; for `leaseMs` no other sender gets them. */
  claim(limit: number, leaseMs: number): Promise<readonly QueuedMail[]>;
  markSent(id: string): Promise<void>;
  /** `retryInMs` undefined: it has failed for good. */
  markFailed(id: string, error: string, retryInMs: number | undefined): Promise<void>;
  /** Hands what an earlier run left for an SMTP server to the mailbox. */
  deliverQueued(): Promise<void>;
  /** Sent and delivered mails, newest first, older than the mail numbered `before`. */
  list(filter: MailFilter): Promise<readonly SentMail[]>;
}

interface MailFilter {
  readonly to: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

/** A mail server's words are bounded by nobody. */
const MAX_ERROR_CHARS = 2_000;

const ADD = `
  INSERT INTO mail (id, recipient, subject, body, state, html, user_id, sent_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, CASE $5 WHEN 'delivered' THEN now() END)
  ON CONFLICT (id) DO NOTHING`;

const CLAIM = `
  UPDATE mail SET attempts = attempts + 1, next_attempt_at = now() + $2 * interval '1 millisecond'
  WHERE id IN (
    SELECT id FROM mail WHERE state = 'queued' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING id, recipient, subject, body, html, attempts,
    (extract(epoch FROM now() - created_at) * 1000)::float8 AS age_ms`;

const MARK_FAILED = `
  UPDATE mail SET last_error = $2,
    state = CASE WHEN $3::float8 IS NULL THEN 'failed' ELSE state END,
    next_attempt_at = now() + coalesce($3, 0) * interval '1 millisecond'
  WHERE id = $1 AND state = 'queued'`;

const LIST = `
  SELECT id, number, recipient, subject, body, html, sent_at FROM mail
  WHERE state IN ('sent', 'delivered') AND ($1::text IS NULL OR lower(recipient) = lower($1))
    AND ($2::bigint IS NULL OR number < $2)
  ORDER BY number DESC LIMIT $3`;

export function createMailStore(db: Database): MailStore {
  return {
    add: async (tx, { id, userId, mail: { to, subject, text, html }, delivery }) => {
      await tx.query(ADD, [id, to, subject, text, delivery, html, userId]);
    },
    claim: async (limit, leaseMs) => {
      const rows = await db.query<MailRow & { attempts: number; age_ms: number }>(CLAIM, [limit, leaseMs]);
      return rows.map((row) => ({ ...toMail(row), attempts: row.attempts, ageMs: row.age_ms }));
    },
    markSent: async (id) => {
      await db.query("UPDATE mail SET state = 'sent', sent_at = now(), last_error = NULL WHERE id = $1", [
        id,
      ]);
    },
    markFailed: async (id, error, retryInMs) => {
      await db.query(MARK_FAILED, [id, storableText(error, MAX_ERROR_CHARS), retryInMs ?? null]);
    },
    deliverQueued: async () => {
      await db.query("UPDATE mail SET state = 'delivered', sent_at = now() WHERE state = 'queued'");
    },
    list: async ({ to, before, limit }) => {
      const rows = await db.query<MailRow & { number: string; sent_at: Date }>(LIST, [
        to ?? null,
        before ?? null,
        limit,
      ]);
      return rows.map((row) => ({ ...toMail(row), number: row.number, sentAt: row.sent_at }));
    },
  };
}

interface MailRow {
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly html: string | null;
}

function toMail({ id, recipient, subject, body, html }: MailRow): StoredMail {
  return { id, to: recipient, subject, text: body, ...(html !== null && { html }) };
}
