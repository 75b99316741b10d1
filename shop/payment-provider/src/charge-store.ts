import type { Money, NewId } from '@flotilla/kernel';
import type { Database, Queryable } from '@flotilla/postgres';

export interface Charge {
  readonly id: string;
  readonly status: 'captured' | 'declined' | 'voided';
  readonly reason?: string;
  readonly refunded: boolean;
  /** What was asked for; absent when the key was voided before anything was asked. */
  readonly request?: ChargeRequest;
}

export interface ChargeRequest {
  readonly amount: Money;
  readonly token: string;
  readonly reference: string;
}

export type Verdict =
  | { readonly status: 'captured' }
  | { readonly status: 'declined'; readonly reason: string };

export type RefundResult =
  | { readonly outcome: 'refunded'; readonly refundId: string }
  | { readonly outcome: 'unknown-charge' | 'not-captured' | 'other-amount' | 'refunded-before' };

/** The provider's books. Every write is one statement, decided by a unique key: the first one counts. */
export interface ChargeStore {
  find(key: string): Promise<Charge | undefined>;
  /** Records a charge unless the key is taken; returns the one that counts. */
  settle(key: string, request: ChargeRequest, verdict: Verdict): Promise<Charge>;
  /** Takes the key out of use unless it was used; returns the charge that counts. */
  void(key: string): Promise<Charge>;
  refund(key: string, refundKey: string, amount: Money): Promise<RefundResult>;
  /** Counts one more 503 for the key while fewer than `limit` were given; returns whether it did. */
  refuse(key: string, limit: number): Promise<boolean>;
}

export function createChargeStore(db: Database, newId: NewId): ChargeStore {
  const existing = async (key: string): Promise<Charge> => {
    const charge = await findCharge(db, key);
    if (!charge) throw new Error('a charge vanished between two statements');
    return charge;
  };
  return {
    find: (key) => findCharge(db, key),
    settle: async (key, request, verdict) => {
      await db.query(INSERT, [
        newId(),
        key,
        verdict.status,
        verdict.status === 'declined' ? verdict.reason : null,
        request.amount.amountMinor,
        request.amount.currency,
        request.token,
        request.reference,
      ]);
      return await existing(key);
    },
    void: async (key) => {
      await db.query(
        `INSERT INTO charge (id, idempotency_key, status) VALUES ($1, $2, 'voided')
         ON CONFLICT (idempotency_key) DO NOTHING`,
        [newId(), key],
      );
      return await existing(key);
    },
    refund: (key, refundKey, amount) => refund(db, newId(), { key, refundKey, amount }),
    refuse: async (key, limit) => {
      const counted = await db.query(
        `INSERT INTO flaky_refusal AS f (idempotency_key, refusals) VALUES ($1, 1)
         ON CONFLICT (idempotency_key) DO UPDATE SET refusals = f.refusals + 1 WHERE f.refusals < $2
         RETURNING refusals`,
        [key, limit],
      );
      return counted.length === 1;
    },
  };
}

const INSERT = `
  INSERT INTO charge (id, idempotency_key, status, decline_reason, amount_minor, currency, token, reference)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (idempotency_key) DO NOTHING`;

interface ChargeRow {
  readonly id: string;
  readonly status: Charge['status'];
  readonly decline_reason: string | null;
  readonly amount_minor: string | null;
  readonly currency: string | null;
  readonly token: string | null;
  readonly reference: string | null;
  readonly refunded: boolean;
}

async function findCharge(db: Queryable, key: string): Promise<Charge | undefined> {
  const [row] = await db.query<ChargeRow>(
    `SELECT c.*, EXISTS (SELECT FROM refund r WHERE r.charge_id = c.id) AS refunded
     FROM charge c WHERE c.idempotency_key = $1`,
    [key],
  );
  if (!row) return undefined;
  return {
    id: row.id,
    status: row.status,
    refunded: row.refunded,
    ...(row.decline_reason !== null && { reason: row.decline_reason }),
    ...(row.amount_minor !== null && {
      request: {
        amount: { amountMinor: Number(row.amount_minor), currency: row.currency ?? '' },
        token: row.token ?? '',
        reference: row.reference ?? '',
      },
    }),
  };
}

interface RefundCommand {
  readonly key: string;
  readonly refundKey: string;
  readonly amount: Money;
}

async function refund(db: Database, id: string, command: RefundCommand): Promise<RefundResult> {
  const charge = await findCharge(db, command.key);
  if (!charge) return { outcome: 'unknown-charge' };
  if (charge.status !== 'captured' || !charge.request) return { outcome: 'not-captured' };
  const { amountMinor, currency } = charge.request.amount;
  if (command.amount.amountMinor !== amountMinor || command.amount.currency !== currency)
    return { outcome: 'other-amount' };
  await db.query(
    `INSERT INTO refund (id, charge_id, idempotency_key, amount_minor, currency)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    [id, charge.id, command.refundKey, amountMinor, currency],
  );
  const [made] = await db.query<{ id: string }>(
    'SELECT id FROM refund WHERE charge_id = $1 AND idempotency_key = $2',
    [charge.id, command.refundKey],
  );
  return made ? { outcome: 'refunded', refundId: made.id } : { outcome: 'refunded-before' };
}
