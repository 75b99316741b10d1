import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it, type TestContext } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { MongoClient } from 'mongodb';
import { type DocumentServer, findDocumentServer } from '../../test/document-server.ts';
import { readAll, recordsOf } from '../../test/records.ts';
import { createJournal, type Entry, type Journal } from './journal.ts';
import { openDocuments } from './open-documents.ts';

const BUYER = join(import.meta.dirname, '../../test/buy-documents.ts');
const start = findDocumentServer();

// Judged by a server that nobody here wrote: see test/document-server.ts.
if (start !== undefined)
  describe('a journal in a document server', () => {
    let server: DocumentServer;
    let client: MongoClient;
    before(async () => {
      server = await start();
      client = new MongoClient(server.uri, { serverSelectionTimeoutMS: 5_000 });
    });
    after(async () => {
      await client?.close();
      await server?.close();
    });

    const entry = (_id: number, by: string = randomUUID()): Entry => ({
      ...{ _id, by, at: new Date() },
      operations: [{ do: 'bar', orderId: `order-${_id}` }],
    });

    /** A database of its own, seen in three ways. */
    async function createPlace() {
      const name = `test-${randomUUID().slice(0, 8)}`;
      const uri = `${server.uri}/${name}`;
      const documents = openDocuments({ uri, clock: systemClock, newId: randomUUID, logger: silentLogger });
      return { uri, documents, journal: createJournal(client.db(name), systemClock) };
    }

    const addProduct = (documents: ReturnType<typeof openDocuments>, onHand: number) =>
      documents.catalogue.add(
        [{ id: 'p', name: 'P', description: '', price: { amountMinor: 100, currency: 'EUR' }, onHand }],
        'test',
      );

    it('gives a position to one of those that want it, and entries back as they were', async () => {
      const { journal } = await createPlace();
      const racers = await Promise.all(Array.from({ length: 8 }, () => journal.append(entry(1))));
      assert.equal(racers.filter((how) => how === 'appended').length, 1);
      const second = entry(2);
      assert.equal(await journal.append(second), 'appended');
      assert.deepEqual((await journal.readAfter(1))[0], second);
      assert.deepEqual(await journal.readAfter(2), []);
    });

    it('keeps the newest snapshots that are whole', async () => {
      const { journal, uri } = await createPlace();
      const part = (count: number) => ({ stocks: [{ productId: 'p', onHand: count, reserved: 0 }] });
      for (const position of [1_000, 2_000, 3_000])
        await journal.writeSnapshot({ position, parts: [part(position), { orders: [] }] });
      assert.deepEqual(await journal.readSnapshot(), {
        position: 3_000,
        parts: [part(3_000), { orders: [] }],
      });
      const snapshots = client.db(uri.split('/').at(-1)).collection<{ _id: string }>('snapshot');
      assert.equal(await snapshots.countDocuments({}), 6);
      await snapshots.deleteOne({ _id: '3000/0' });
      assert.equal((await journal.readSnapshot())?.position, 2_000);
    });

    /** Starts buyers and lets them go at the same time. */
    async function startBuyers(t: TestContext, uri: string, count: number, each: number) {
      const told: string[] = [];
      const buyers = Array.from({ length: count }, (_, buyer) => {
        const child = spawn(process.execPath, [BUYER, uri, `buyer${buyer}`, String(each)], {
          env: childEnvironment(),
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        t.after(() => child.kill('SIGKILL'));
        createInterface({ input: child.stdout }).on('line', (line) => told.push(line));
        return { child, exit: once(child, 'exit') };
      });
      await eventually(
        'the buyers are ready',
        () => told.filter((line) => line === 'ready').length === count,
      );
      told.length = 0;
      for (const { child } of buyers) child.stdin?.write('go\n');
      return {
        told,
        buyers: buyers as readonly { readonly child: ChildProcess; readonly exit: Promise<unknown> }[],
      };
    }

    async function held(journal: Journal): Promise<readonly string[]> {
      const { reservation } = recordsOf(await readAll(journal));
      return reservation.filter(({ status }) => status === 'held').map(({ order_id }) => order_id);
    }

    it('never tells more than there is for that they have it, from several processes', async (t) => {
      const { uri, documents, journal } = await createPlace();
      t.after(documents.close);
      await addProduct(documents, 40);
      const { told, buyers } = await startBuyers(t, uri, 4, 30);
      await Promise.all(buyers.map(({ exit }) => exit));
      const yes = told.filter((line) => line.endsWith(' yes')).map((line) => line.split(' ')[0]);
      assert.equal(told.length, 120);
      assert.equal(yes.length, 40);
      assert.deepEqual([...yes].sort(), [...(await held(journal))].sort());
      assert.deepEqual(await documents.stock.find('p'), { onHand: 40, reserved: 40 });
    });

    it('keeps what it was told to keep when the server or a writer is killed', async (t) => {
      const { crash } = server;
      if (crash === undefined) return t.diagnostic('the server is not ours to kill');
      const { uri, documents, journal } = await createPlace();
      t.after(documents.close);
      await addProduct(documents, 1_000);
      const { told, buyers } = await startBuyers(t, uri, 3, 60);
      await eventually('some have bought', () => told.length > 20);
      await crash();
      await eventually('the rest goes on', () => told.length > 60);
      buyers[0]?.child.kill('SIGKILL');
      await crash();
      await Promise.all(buyers.map(({ exit }) => exit));
      const reserved = new Set(await held(journal));
      const yes = told.filter((line) => line.endsWith(' yes')).map((line) => line.split(' ')[0] ?? '');
      assert.deepEqual(
        yes.filter((orderId) => !reserved.has(orderId)),
        [],
      );
      assert.equal(new Set(yes).size, yes.length);
      for (const buyer of ['buyer1', 'buyer2'])
        assert.equal(yes.filter((orderId) => orderId.startsWith(`${buyer}-`)).length, 60);
      // Of the one that was killed at most its six orders in flight are there without an answer.
      assert.ok(reserved.size - yes.length <= 6, `${reserved.size} held, ${yes.length} told`);
    });

    it('says that it is away instead of waiting, and is there again with its server', async (t) => {
      const documents = openDocuments({
        uri: 'mongodb://127.0.0.1:9/inventory',
        ...{ clock: systemClock, newId: randomUUID, logger: silentLogger },
      });
      t.after(documents.close);
      const code = { code: 'INVENTORY_DOCUMENTS_UNAVAILABLE', retryable: true };
      await Promise.all([
        assert.rejects(documents.stock.find('p'), code),
        assert.rejects(documents.ping(), code),
        assert.rejects(documents.stock.expireDue(1), code),
      ]);
    });
  });
