import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OrderStatus } from '@shop/contracts';
import { canBecome } from './order.ts';
import {
  answerCancel,
  askAgain,
  type Consequence,
  decide,
  type Heard,
  hasEnded,
  newProcess,
  type OrderProcess,
  type Report,
} from './order-process.ts';

const reported = (report: Exclude<Report, 'shipped'>): Heard => ({ kind: 'reported', report });
const SHIPPED: Heard = { kind: 'shipped', shipmentId: 's1' };
const REFUSED: Heard = { kind: 'refused', reason: 'payment-declined' };
const WITHDRAWN: Heard = { kind: 'withdrawn', reason: 'cancelled-by-customer' };

interface Run {
  readonly process: OrderProcess;
  readonly consequences: readonly Consequence[];
}

function run(...heard: readonly Heard[]): Run {
  return runOf(newProcess(false), heard);
}

function runOf(process: OrderProcess, heard: readonly Heard[]): Run {
  return heard.reduce<Run>(
    (before, news) => {
      const { process, consequences } = decide(before.process, news);
      return { process, consequences: [...before.consequences, ...consequences] };
    },
    { process, consequences: [] },
  );
}

const kinds = (ran: Run) =>
  ran.consequences.map((consequence) => (consequence.kind === 'advance' ? consequence.to : consequence.kind));

/** All ways in which lists can be shuffled into one, each keeping its own order: one list is one publisher. */
function* interleavings<T>(lists: readonly (readonly T[])[]): Generator<readonly T[]> {
  const left = lists.filter((list) => list.length > 0);
  if (left.length === 0) yield [];
  for (const [index, list] of left.entries()) {
    const rest = left.map((other, at) => (at === index ? other.slice(1) : other));
    for (const tail of interleavings(rest)) yield [...list.slice(0, 1), ...tail];
  }
}

describe('an order that runs by events', () => {
  const TO_THE_SHIPMENT = ['InventoryReserved', 'PaymentProcessed', 'grant-shipping'];

  it('goes the same way in whatever order inventory and payment are heard', () => {
    const orders = [...interleavings([[reported('reserved'), reported('taken')], [reported('paid')]])];
    assert.equal(orders.length, 3);
    for (const heard of orders) {
      assert.deepEqual(kinds(run(...heard)), TO_THE_SHIPMENT);
      assert.deepEqual(kinds(run(...heard, SHIPPED)), [...TO_THE_SHIPMENT, 'confirm']);
    }
  });

  it('shows no status before those that come earlier', () => {
    assert.deepEqual(kinds(run(reported('paid'))), []);
    assert.deepEqual(kinds(run(reported('paid'), reported('reserved'))), [
      'InventoryReserved',
      'PaymentProcessed',
    ]);
  });

  it('is not moved by hearing something twice', () => {
    const news = [reported('reserved'), reported('paid'), reported('taken'), SHIPPED];
    assert.deepEqual(run(...news.flatMap((one) => [one, one])), run(...news));
  });

  it('tells everybody at the first refusal, and is cancelled when both have given back', () => {
    for (const before of [[], [reported('reserved')], [reported('reserved'), reported('paid')]]) {
      const asked = run(...before, REFUSED, { ...REFUSED, reason: 'out-of-stock' });
      assert.equal(asked.process.stage, 'cancelling');
      assert.equal(kinds(asked).filter((kind) => kind === 'request-cancellation').length, 1);
      for (const [one, other] of [
        ['released', 'refunded'],
        ['refunded', 'released'],
      ] as const) {
        const half = decide(asked.process, reported(one));
        assert.deepEqual(half.consequences, []);
        assert.deepEqual(decide(half.process, reported(other)).consequences, [
          { kind: 'cancel', reason: 'payment-declined' },
        ]);
      }
    }
  });

  it('can be refused by its shipment, and by nobody else, once shipping is granted', () => {
    const granted = run(reported('reserved'), reported('paid'), reported('taken'));
    assert.equal(answerCancel(granted.process), 'too-late');
    assert.equal(decide(granted.process, WITHDRAWN).process, granted.process);
    assert.equal(decide(granted.process, REFUSED).process.stage, 'cancelling');
  });

  it('answers a customer who cancels by where it stands', () => {
    assert.equal(answerCancel(newProcess(false)), 'requested');
    assert.equal(answerCancel(run(reported('reserved')).process), 'requested');
    assert.equal(answerCancel(run(WITHDRAWN).process), 'requested');
    assert.equal(answerCancel(run(WITHDRAWN, reported('released'), reported('refunded')).process), 'ended');
    assert.equal(
      answerCancel(run(reported('reserved'), reported('paid'), reported('taken'), SHIPPED).process),
      'ended',
    );
  });

  it('only notes what was done before a cancellation arrived', () => {
    const late = run(WITHDRAWN, reported('reserved'), reported('paid'), reported('taken'));
    assert.equal(late.process.stage, 'cancelling');
    assert.deepEqual(kinds(late), ['request-cancellation']);
  });

  it('ends once, legally, and as its end says, whatever is heard in whatever order', () => {
    const publishers = [
      [reported('reserved'), reported('taken'), reported('released')],
      [reported('paid'), reported('refunded')],
      [WITHDRAWN],
      [SHIPPED],
    ];
    let ended = 0;
    for (const heard of interleavings<Heard>(publishers)) {
      const ran = run(...heard);
      const moves = ran.consequences.flatMap((consequence): OrderStatus[] => {
        if (consequence.kind === 'advance') return [consequence.to];
        if (consequence.kind === 'confirm') return ['Confirmed'];
        return consequence.kind === 'cancel' ? ['Cancelled'] : [];
      });
      let status: OrderStatus = 'Pending';
      for (const move of moves) {
        assert.ok(canBecome(status, move), `${status} → ${move}`);
        status = move;
      }
      const { reports } = ran.process;
      if (status === 'Cancelled') assert.ok(reports.includes('released') && reports.includes('refunded'));
      if (status === 'Confirmed') assert.ok(!kinds(ran).includes('request-cancellation'));
      assert.equal(hasEnded(ran.process), status === 'Confirmed' || status === 'Cancelled');
      ended += hasEnded(ran.process) ? 1 : 0;
    }
    assert.ok(ended > 100, `only ${ended} runs came to an end`);
  });

  describe('with a coupon', () => {
    const start = newProcess(true);
    const kindsOf = (...heard: readonly Heard[]) => kinds(runOf(start, heard));

    it('is shipped when the coupon has been used, whenever that is heard', () => {
      const publishers = [
        [reported('reserved'), reported('taken')],
        [reported('paid')],
        [reported('redeemed')],
      ];
      for (const heard of interleavings(publishers))
        assert.deepEqual(kindsOf(...heard), TO_THE_SHIPMENT, JSON.stringify(heard));
      const without = interleavings(publishers.slice(0, 2));
      for (const heard of without) assert.ok(!kindsOf(...heard).includes('grant-shipping'));
    });

    it('is cancelled when the coupon has been given back, too', () => {
      const refusal: Heard = { kind: 'refused', reason: 'coupon-used' };
      const publishers = [[reported('released')], [reported('refunded')], [reported('unredeemed')]];
      for (const heard of interleavings(publishers)) {
        assert.deepEqual(kindsOf(refusal, ...heard), ['request-cancellation', 'cancel']);
        assert.deepEqual(kindsOf(refusal, ...heard.slice(0, 2)), ['request-cancellation']);
      }
    });

    it('asks again for what it waits for', () => {
      const questions = (...heard: readonly Heard[]) =>
        askAgain(runOf(start, heard).process).map(({ kind }) => kind);
      assert.deepEqual(questions(), ['request-stock', 'present-coupon']);
      assert.deepEqual(questions(reported('redeemed')), ['request-stock']);
      assert.deepEqual(questions(reported('paid')), ['present-coupon']);
      assert.deepEqual(questions(reported('paid'), reported('redeemed')), []);
    });
  });
});
