import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newTrace, runInContext } from '@flotilla/telemetry';
import { accounts, createRig, deposited, type Rig, withdrawn } from '../../test/rig.ts';
import { createEventStore, type ExpectedVersion, readStream } from '../index.ts';

const store = createEventStore();

describe('appending', () => {
  let rig: Rig;
  before(async () => {
    rig = await createRig();
  });
  after(() => rig.close());

  const append = (id: string, expect: ExpectedVersion, by = 1) =>
    rig.db.transaction((tx) => store.append(tx, accounts.stream(id), [deposited(by)], { expect }));
  const amounts = async (id: string) =>
    (await readStream(rig.db, accounts.stream(id))).map((event) => event.data.amount);
  const conflict = (actual: number) => ({
    code: 'EVENT_STORE_VERSION_CONFLICT',
    details: { streamId: 'account-expect', expected: undefined, actual },
  });
  const refuses = async (expect: ExpectedVersion, actual: number) =>
    await assert.rejects(append('expect', expect), {
      ...conflict(actual),
      details: { streamId: 'account-expect', expected: expect, actual },
    });

  it('checks what is expected of the stream', async () => {
    await refuses('exists', 0);
    await refuses(1, 0);
    assert.equal((await append('expect', 'none')).version, 1);
    await refuses('none', 1);
    await refuses(0, 1);
    await refuses(2, 1);
    assert.equal((await append('expect', 1)).version, 2);
    assert.equal((await append('expect', 'exists')).version, 3);
    assert.equal((await append('expect', 'any')).version, 4);
    assert.equal((await append('new', 'any')).version, 1);
    assert.equal((await append('newer', 0)).version, 1);
  });

  it('has one winner of 50 who expect the same version', async () => {
    await append('fifty', 'none');
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => append('fifty', 1)));
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    assert.equal(lost.length, 49);
    assert.deepEqual([...new Set(lost)], ['EVENT_STORE_VERSION_CONFLICT']);
  });

  it('has one winner of 50 who create the same stream', async () => {
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => append('first', 'none')));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('never conflicts for 50 who expect nothing, on a new stream or an old one', async () => {
    for (const round of [1, 2]) {
      await Promise.all(Array.from({ length: 50 }, (_none, n) => append('any', 'any', n + 1)));
      const stream = await readStream(rig.db, accounts.stream('any'));
      assert.deepEqual(
        stream.map((event) => event.version),
        Array.from({ length: 50 * round }, (_none, n) => n + 1),
      );
    }
    assert.equal(new Set(await amounts('any')).size, 50);
  });

  it('leaves the transaction usable after a conflict', async () => {
    await rig.db.transaction(async (tx) => {
      const wrong = store.append(tx, accounts.stream('usable'), [deposited(1)], { expect: 7 });
      await assert.rejects(wrong, { code: 'EVENT_STORE_VERSION_CONFLICT' });
      await store.append(tx, accounts.stream('usable'), [deposited(2)], { expect: 'none' });
    });
    assert.deepEqual(await amounts('usable'), [2]);
  });

  it('commits with the caller or not at all', async () => {
    await rig.db.query('CREATE TABLE note (text text)');
    const failed = rig.db.transaction(async (tx) => {
      await tx.query("INSERT INTO note VALUES ('business row')");
      await store.append(tx, accounts.stream('rolled-back'), [deposited(1)], { expect: 'none' });
      throw new Error('the caller changes its mind');
    });
    await assert.rejects(failed, /changes its mind/);
    assert.deepEqual(await amounts('rolled-back'), []);
    assert.deepEqual(await rig.db.query('SELECT * FROM note'), []);
  });

  it('loses with a savepoint only what was appended inside of it', async () => {
    const stream = accounts.stream('savepoint');
    await rig.db.transaction(async (tx) => {
      await store.append(tx, stream, [deposited(1)], { expect: 'none' });
      const inner = tx.savepoint(async () => {
        await store.append(tx, stream, [deposited(2)], { expect: 1 });
        throw new Error('inner');
      });
      await assert.rejects(inner, /inner/);
      await store.append(tx, stream, [deposited(3), withdrawn(4)], { expect: 1 });
    });
    assert.deepEqual(await amounts('savepoint'), [1, 3, 4]);
  });

  it('runs a transaction again that began to write before, but appends after, another one', async () => {
    await append('inverted', 'none');
    let runs = 0;
    await rig.db.transaction(async (tx) => {
      runs += 1;
      await tx.query('SELECT pg_current_xact_id()'); // like every write to another table
      if (runs === 1) await append('inverted', 1);
      await store.append(tx, accounts.stream('inverted'), [deposited(3)], { expect: 2 });
    });
    assert.equal(runs, 2);
    const xids = (await readStream(rig.db, accounts.stream('inverted'))).map(({ xid }) => BigInt(xid));
    assert.deepEqual(
      xids,
      xids.toSorted((a, b) => (a < b ? -1 : 1)),
    );
  });

  it('tells an inversion from a version conflict', async () => {
    await append('told', 'none');
    const early = await rig.begin();
    await early.query('SELECT pg_current_xact_id()');
    await append('told', 1);
    for (const [expect, code] of [
      [2, 'EVENT_STORE_ORDER_CONFLICT'],
      ['any', 'EVENT_STORE_ORDER_CONFLICT'],
      ['exists', 'EVENT_STORE_ORDER_CONFLICT'],
      [1, 'EVENT_STORE_VERSION_CONFLICT'],
    ] as const)
      await assert.rejects(store.append(early, accounts.stream('told'), [deposited(1)], { expect }), {
        code,
        retryable: true,
      });
    await early.rollback();
  });

  it('keeps the trace, the correlation and the cause', async () => {
    const trace = newTrace();
    await runInContext({ trace, correlationId: 'order-1' }, () =>
      rig.db.transaction((tx) =>
        store.append(tx, accounts.stream('traced'), [deposited(1)], {
          expect: 'none',
          causationId: 'message-1',
        }),
      ),
    );
    const [event] = await readStream(rig.db, accounts.stream('traced'));
    assert.equal(event?.correlationId, 'order-1');
    assert.equal(event?.causationId, 'message-1');
    assert.equal(event?.traceparent?.includes(trace.traceId), true);
  });

  it('refuses to append nothing', async () => {
    await assert.rejects(
      rig.db.transaction((tx) => store.append(tx, accounts.stream('x'), [], { expect: 'any' })),
      RangeError,
    );
  });

  it('gives its hint after the commit only', async () => {
    let hints = 0;
    const hinting = createEventStore({ onCommit: () => (hints += 1) });
    await rig.db.transaction(async (tx) => {
      await hinting.append(tx, accounts.stream('hint'), [deposited(1)], { expect: 'any' });
      assert.equal(hints, 0);
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(hints, 1);
  });
});

describe('reading a stream', () => {
  it('gives any part of it, in pages', async () => {
    const rig = await createRig();
    try {
      await rig.append('paged', ...Array.from({ length: 25 }, (_none, n) => deposited(n + 1)));
      const stream = accounts.stream('paged');
      const read = async (options?: object) =>
        (await readStream(rig.db, stream, options)).map((event) => event.version);
      assert.equal((await read()).length, 25);
      assert.deepEqual(await read({ from: 24 }), [24, 25]);
      assert.deepEqual(await read({ from: 2, to: 4 }), [2, 3, 4]);
      assert.deepEqual(await read({ from: 10, limit: 2 }), [10, 11]);
      assert.deepEqual(await readStream(rig.db, accounts.stream('missing')), []);
    } finally {
      await rig.close();
    }
  });
});
