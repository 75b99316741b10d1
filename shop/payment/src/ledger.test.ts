import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isPlatformError } from '@flotilla/kernel';
import { startTestPayment, type TestPayment } from './testing.ts';

/** What the database refuses, whatever the program does. */
describe('the ledger', () => {
  let payment: TestPayment;
  let paymentId = '';
  before(async () => {
    payment = await startTestPayment();
    const orderId = randomUUID();
    await payment.charge(orderId, 'tok_ok');
    paymentId = (await payment.deps.store.find(orderId))?.id ?? '';
  });
  after(() => payment.close());

  /** Books entries `[account, amount]` in one transaction. */
  async function book(kind: string, entries: readonly (readonly [string, number])[]): Promise<void> {
    const id = randomUUID();
    await payment.database.db.transaction(async (tx) => {
      await tx.query(
        'INSERT INTO ledger_transaction (id, payment_id, kind, provider_reference) VALUES ($1, $2, $3, $4)',
        [id, paymentId, kind, randomUUID()],
      );
      for (const [account, amountMinor] of entries)
        await tx.query(
          "INSERT INTO ledger_entry (transaction_id, account, amount_minor, currency) VALUES ($1, $2, $3, 'EUR')",
          [id, account, amountMinor],
        );
    });
  }

  const refusedBy = (constraint: string) => (error: unknown) => {
    assert.ok(isPlatformError(error));
    assert.equal(error.details['constraint'], constraint);
    return true;
  };

  it('sums to zero', async () => {
    await assert.rejects(
      book('refund', [
        ['refunds', 1_999],
        ['provider-clearing', -1_998],
      ]),
      refusedBy('ledger_balanced'),
    );
  });

  it('has no transaction without entries, or over another amount than the payment', async () => {
    await assert.rejects(book('refund', []), refusedBy('ledger_amount'));
    await assert.rejects(
      book('refund', [
        ['refunds', 5],
        ['provider-clearing', -5],
      ]),
      refusedBy('ledger_amount'),
    );
  });

  it('has one capture a payment', async () => {
    await assert.rejects(
      book('capture', [
        ['provider-clearing', 1_999],
        ['sales', -1_999],
      ]),
      refusedBy('ledger_transaction_payment_id_kind_key'),
    );
  });

  it('refunds only what was captured', async () => {
    const { db } = payment.database;
    const id = randomUUID();
    await db.query(
      "INSERT INTO payment (id, order_id, status, amount_minor, currency) VALUES ($1, $2, 'voiding', 1999, 'EUR')",
      [id, randomUUID()],
    );
    const before = paymentId;
    paymentId = id;
    await assert.rejects(
      book('refund', [
        ['refunds', 1_999],
        ['provider-clearing', -1_999],
      ]),
      refusedBy('ledger_refund_covered'),
    );
    paymentId = before;
  });

  it('is append-only', async () => {
    const { db } = payment.database;
    await assert.rejects(db.query('DELETE FROM ledger_entry'), refusedBy('ledger_append_only'));
    await assert.rejects(
      db.query('UPDATE ledger_entry SET amount_minor = 0'),
      refusedBy('ledger_append_only'),
    );
    await assert.rejects(
      db.query("UPDATE ledger_transaction SET kind = 'refund'"),
      refusedBy('ledger_append_only'),
    );
  });
});
