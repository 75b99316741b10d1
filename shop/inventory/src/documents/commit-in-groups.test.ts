import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { openState } from '../../test/inventories.ts';
import { createMemoryJournal } from '../../test/memory-journal.ts';
import { readAll, recordsOf } from '../../test/records.ts';
import { documentsUnavailable } from '../errors.ts';
import { reserveStock } from '../features/reserve-stock.ts';
import type { DocumentState } from './commit-in-groups.ts';
import { createDocumentStockStore } from './document-stock-store.ts';
import type { Journal } from './journal.ts';

const addProduct = (documents: DocumentState, id: string, onHand: number) =>
  documents.change(async (draft) => {
    const product = { id, name: id, description: '', price: { amountMinor: 100, currency: 'EUR' } };
    draft.do({ do: 'add', product, onHand, actor: 'test' });
  });

const buyer = (documents: DocumentState) => {
  const stock = createDocumentStockStore({ documents, clock: systemClock });
  return (orderId: string, quantity = 1) =>
    reserveStock({ stock, reservationTtlSeconds: 60 }, orderId, [{ productId: 'p', quantity }]);
};

const onHandOf = (documents: DocumentState) => documents.read((state) => state.stock('p'));

describe('commits by position', () => {
  it('sell to as many as there is for, whoever decides, and put those that wait into one entry', async () => {
    const journal = createMemoryJournal();
    const replicas = [openState(journal), openState(journal), openState(journal)];
    const [first = openState(journal)] = replicas;
    await addProduct(first, 'p', 100);
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, order) => buyer(replicas[order % 3] ?? first)(`order-${order}`)),
    );
    assert.equal(answers.filter(({ ok }) => ok).length, 100);
    assert.deepEqual(
      await Promise.all(replicas.map(onHandOf)),
      Array(3).fill({ onHand: 100, reserved: 100 }),
    );
    assert.equal(recordsOf(journal.entries).reservation.length, 100);
    assert.ok(journal.entries.length < 20, `${journal.entries.length} entries`);
  });

  it('are decided again when somebody else was faster', async () => {
    const inner = createMemoryJournal();
    const other = openState(inner);
    let isFaster = false;
    const journal: Journal = {
      ...inner,
      append: async (entry) => {
        if (isFaster) {
          isFaster = false;
          await buyer(other)('faster');
        }
        return await inner.append(entry);
      },
    };
    const documents = openState(journal);
    await addProduct(documents, 'p', 1);
    isFaster = true;
    assert.deepEqual(await buyer(documents)('slower'), { ok: false, rejection: 'out-of-stock' });
    assert.deepEqual(await onHandOf(documents), { onHand: 1, reserved: 1 });
  });

  it('do nothing of what failed, and all of what waited beside it', async () => {
    const documents = openState(createMemoryJournal());
    await addProduct(documents, 'p', 10);
    const [good, bad, other] = await Promise.allSettled([
      buyer(documents)('good', 2),
      documents.change(async (draft) => {
        draft.do({ do: 'count', productId: 'p', onHand: 5, actor: 'test' });
        throw new Error('thought better of it');
      }),
      buyer(documents)('other', 3),
    ]);
    assert.equal(good.status, 'fulfilled');
    assert.match(String(bad.status === 'rejected' && bad.reason), /thought better/);
    assert.equal(other.status, 'fulfilled');
    assert.deepEqual(await onHandOf(documents), { onHand: 10, reserved: 5 });
  });

  it('refuse what must never be, before it is anywhere', async () => {
    const journal = createMemoryJournal();
    const documents = openState(journal);
    await addProduct(documents, 'p', 1);
    const oversell = documents.change(async (draft) =>
      draft.do({ do: 'hold', orderId: 'o', lines: [{ productId: 'p', quantity: 2 }], untilMs: 0 }),
    );
    await assert.rejects(oversell, RangeError);
    assert.equal(journal.entries.length, 1);
  });

  it('refuse what no document can hold, and go on', async () => {
    const inner = createMemoryJournal();
    const journal: Journal = { ...inner, bytesOf: (operations) => operations.length * 7 * 2 ** 20 };
    const documents = openState(journal);
    const many = documents.change(async (draft) => {
      for (const id of ['a', 'b'])
        draft.do({
          do: 'add',
          product: { id, name: '', description: '', price: { amountMinor: 1, currency: 'EUR' } },
          onHand: 1,
          actor: 'test',
        });
    });
    await assert.rejects(many, { code: 'INVENTORY_COMMIT_TOO_LARGE' });
    // Two that fit alone and not together become two entries.
    await Promise.all([addProduct(documents, 'p', 3), addProduct(documents, 'q', 4)]);
    assert.equal(inner.entries.length, 2);
  });
});

describe('a journal that fails', () => {
  const away = () => documentsUnavailable(undefined);

  it('fails questions and changes while it is away, and none after it', async () => {
    const inner = createMemoryJournal();
    let isAway = false;
    const documents = openState({
      ...inner,
      readAfter: async (position) => {
        if (isAway) throw away();
        return await inner.readAfter(position);
      },
    });
    await addProduct(documents, 'p', 2);
    isAway = true;
    const code = { code: 'INVENTORY_DOCUMENTS_UNAVAILABLE' };
    await Promise.all([
      assert.rejects(onHandOf(documents), code),
      assert.rejects(buyer(documents)('o'), code),
      assert.rejects(onHandOf(documents), code),
    ]);
    isAway = false;
    assert.equal((await buyer(documents)('o')).ok, true);
  });

  it('finds an order done when nobody could say whether its commit got through', async () => {
    const inner = createMemoryJournal();
    let isLost = false;
    const documents = openState({
      ...inner,
      append: async (entry) => {
        const how = await inner.append(entry);
        if (isLost) throw away();
        return how;
      },
    });
    await addProduct(documents, 'p', 2);
    isLost = true;
    await assert.rejects(buyer(documents)('o'), { code: 'INVENTORY_DOCUMENTS_UNAVAILABLE' });
    isLost = false;
    assert.equal((await buyer(documents)('o')).ok, true);
    assert.deepEqual(await onHandOf(documents), { onHand: 2, reserved: 1 });
  });

  it('is read anew when it has a gap, and is right as soon as the gap is closed', async () => {
    const inner = createMemoryJournal();
    const writer = openState(inner);
    await addProduct(writer, 'p', 5);
    await buyer(writer)('a');
    await buyer(writer)('b');
    let hidden: number | undefined = 2;
    const reader = openState({
      ...inner,
      readAfter: async (position) => (await inner.readAfter(position)).filter(({ _id }) => _id !== hidden),
    });
    await assert.rejects(onHandOf(reader), /entry 2 of the journal is missing/);
    hidden = undefined;
    assert.deepEqual(await onHandOf(reader), { onHand: 5, reserved: 2 });
  });
});

describe('a snapshot', () => {
  it('is kept each thousand entries, and whoever starts reads what came after it alone', async () => {
    const journal = createMemoryJournal();
    const documents = openState(journal);
    await addProduct(documents, 'p', 5_000);
    for (let order = 0; order < 1_010; order += 1) await buyer(documents)(`order-${order}`);
    await eventually('a snapshot is kept', () => journal.snapshots.length === 1);
    const read: number[] = [];
    const starter = openState({
      ...journal,
      readAfter: async (position) => {
        read.push(position);
        return await journal.readAfter(position);
      },
    });
    assert.deepEqual(await onHandOf(starter), { onHand: 5_000, reserved: 1_010 });
    assert.equal(read[0], 1_000);
    const [kept] = journal.snapshots;
    assert.ok(kept !== undefined && kept.parts.length >= 3);
    // Those that were held before it may still expire, be sold or be given back.
    assert.equal(await starter.read((state) => state.due(Number.MAX_SAFE_INTEGER, 2_000).length), 1_010);
    assert.equal((await readAll(journal)).length, 1_011);
  });

  it('that cannot be kept does no harm', async () => {
    const inner = createMemoryJournal();
    const documents = openState({ ...inner, writeSnapshot: () => Promise.reject(new Error('disk full')) });
    await addProduct(documents, 'p', 5_000);
    for (let order = 0; order < 1_005; order += 1) await buyer(documents)(`order-${order}`);
    assert.deepEqual(await onHandOf(documents), { onHand: 5_000, reserved: 1_005 });
    await documents.close();
  });
});
