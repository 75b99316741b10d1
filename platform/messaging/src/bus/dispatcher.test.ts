import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { eventually } from '@flotilla/kernel/testing';
import { silentLogger } from '@flotilla/telemetry';
import { MAX_BATCH_BYTES } from '../batch-bounds.ts';
import type { Delivery, ReceiveOptions, Settlement } from '../transport.ts';
import { createDispatcher, type DeliverySource } from './dispatcher.ts';

function delivery(id: string, key: string, facts: Partial<Delivery> = {}): Delivery {
  return { id, key, type: 't.v1', body: '', enqueuedAt: new Date(0), suspect: false, ...facts };
}

/** A dispatcher whose handlers end when told to. */
function createSubject(
  options: Partial<ReceiveOptions> = {},
  overrides: Partial<DeliverySource<Delivery>> = {},
) {
  const running = new Map<string, (settlement: Settlement) => void>();
  const calls: string[] = [];
  const dispatcher = createDispatcher<Delivery>({
    concurrency: 4,
    maxBatch: 1,
    ...options,
    handle: async (batch) => {
      calls.push(batch.map(({ id }) => id).join('+'));
      return await Promise.all(
        batch.map(({ id }) => new Promise<Settlement>((resolve) => running.set(id, resolve))),
      );
    },
    capacity: { messages: 100, bytes: 1_000 },
    onSettled: () => undefined,
    clock: systemClock,
    logger: silentLogger,
    source: {
      owns: () => true,
      ack: async (batch) => {
        calls.push(`ack ${batch.map(({ id }) => id).join('+')}`);
      },
      ...overrides,
    },
  });
  const end = async (id: string, settlement: Settlement = 'done') => {
    const resolve = await eventually(`${id} runs`, () => running.get(id));
    running.delete(id);
    resolve(settlement);
  };
  const endAll = async () => {
    for (const resolve of running.values()) resolve('done');
    running.clear();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    dispatcher,
    calls,
    end,
    endAll,
    called: (call: string) => eventually(call, () => calls.includes(call)),
  };
}

describe('the dispatcher', () => {
  it('runs keys side by side and one key in one batch only', async () => {
    const { dispatcher, calls, end, called } = createSubject();
    dispatcher.beginFetch();
    dispatcher.offer([delivery('1', 'a'), delivery('2', 'a'), delivery('3', 'b')]);
    await called('3');
    assert.deepEqual(calls, ['1', '3']);
    await end('1');
    await called('2');
    await Promise.all([end('2'), end('3')]);
    await dispatcher.drain();
    assert.deepEqual(dispatcher.room(), { messages: 100, bytes: 1_000 });
  });

  it('makes larger batches the more is waiting', async () => {
    const { dispatcher, calls, end } = createSubject({ concurrency: 1, maxBatch: 3 });
    dispatcher.beginFetch();
    dispatcher.offer(['1', '2', '3', '4'].map((id) => delivery(id, `key-${id}`)));
    for (const id of ['1', '2', '3', '4']) await end(id);
    await eventually('all', () => dispatcher.room().messages === 100);
    assert.deepEqual(
      calls.filter((call) => !call.startsWith('ack')),
      ['1+2+3', '4'],
    );
  });

  it('has room for less the larger what it holds is', async () => {
    const { dispatcher, end, called } = createSubject({ concurrency: 1 });
    dispatcher.beginFetch();
    dispatcher.offer([delivery('1', 'a', { body: 'x'.repeat(300) }), delivery('2', 'a', { body: 'é' })]);
    assert.deepEqual(dispatcher.room(), { messages: 98, bytes: 698 });
    await end('1');
    await called('ack 1');
    await eventually('room for it', () => dispatcher.room().bytes === 998);
    await end('2');
    await eventually('all room', () => dispatcher.room().bytes === 1_000);
  });

  it('makes batches that are small in bytes, however few messages that are', async () => {
    const { dispatcher, calls, end } = createSubject({ concurrency: 1, maxBatch: 3 });
    const body = 'x'.repeat(MAX_BATCH_BYTES / 2);
    dispatcher.beginFetch();
    dispatcher.offer(['1', '2', '3'].map((id) => delivery(id, `key-${id}`, { body })));
    for (const id of ['1', '2', '3']) await end(id);
    await eventually('all', () => dispatcher.room().messages === 100);
    assert.deepEqual(
      calls.filter((call) => !call.startsWith('ack')),
      ['1+2', '3'],
    );
  });

  it('drops what a fetch brings of a key of which something was released while the fetch was on its way', async () => {
    const { dispatcher, calls, end, called } = createSubject();
    dispatcher.beginFetch();
    dispatcher.offer([delivery('1', 'a'), delivery('2', 'a')]);
    dispatcher.beginFetch();
    await end('1', 'release');
    await eventually('both are given back', () => dispatcher.room().messages === 100);
    dispatcher.offer([delivery('3', 'a'), delivery('4', 'b')]);
    await end('4');
    await called('ack 4');
    assert.ok(!calls.includes('3') && !calls.includes('2'));
  });

  it('starts nothing that is no longer ours', async () => {
    let ours = true;
    const { dispatcher, calls, end, called } = createSubject({ concurrency: 1 }, { owns: () => ours });
    dispatcher.beginFetch();
    dispatcher.offer([delivery('1', 'a'), delivery('2', 'b')]);
    ours = false;
    await end('1');
    await called('ack 1');
    assert.deepEqual(calls, ['1', 'ack 1']);
  });

  it('keeps the order of a key whenever its lease runs out, also between two questions about it', async () => {
    const ids = ['1', '2', '3', '4'];
    for (let questions = 1; questions <= 30; questions += 1) {
      let left = questions;
      let isHeld = true;
      const owns = () => {
        left -= 1;
        if (left === 0) isHeld = false;
        return isHeld;
      };
      const { dispatcher, calls, endAll } = createSubject({ concurrency: 1 }, { owns });
      const isAcknowledged = (id: string) => calls.includes(`ack ${id}`);
      for (let rounds = 0; !ids.every(isAcknowledged); rounds += 1) {
        assert.ok(
          rounds < 20,
          `it ran out with question ${questions}, and something is never handed out again`,
        );
        isHeld = true;
        const held = new Set(dispatcher.beginFetch().map(({ id }) => id));
        const waiting = ids.filter((id) => !held.has(id) && !isAcknowledged(id));
        dispatcher.offer(waiting.map((id) => delivery(id, 'a')));
        dispatcher.forgetLost();
        await endAll();
      }
      const started = calls.filter((call) => !call.startsWith('ack'));
      assert.deepEqual(started, ids, `it ran out with question ${questions}`);
      await dispatcher.drain();
    }
  });

  it('takes in nothing of a key of which something is lost in the moment in which more arrives', async () => {
    let token = '1';
    const { dispatcher, calls, end } = createSubject(
      { concurrency: 1 },
      { owns: ({ body }) => body === token },
    );
    dispatcher.beginFetch();
    dispatcher.offer(['1', '2'].map((id) => delivery(id, 'a', { body: '1' })));
    dispatcher.beginFetch();
    token = '2'; // lost, and gained again
    dispatcher.offer([delivery('3', 'a', { body: '2' })]);
    await end('1');
    await eventually('it is acknowledged', () => calls.includes('ack 1'));
    dispatcher.beginFetch();
    dispatcher.offer(['2', '3'].map((id) => delivery(id, 'a', { body: '2' })));
    await end('2');
    await end('3');
    await dispatcher.drain();
    assert.deepEqual(
      calls.filter((call) => !call.startsWith('ack')),
      ['1', '2', '3'],
    );
  });

  it('acknowledges again until that succeeds', async () => {
    let refusals = 2;
    const { dispatcher, end } = createSubject(
      {},
      {
        ack: async () => {
          refusals -= 1;
          if (refusals >= 0) throw new Error('the queue is away');
        },
      },
    );
    dispatcher.beginFetch();
    dispatcher.offer([delivery('1', 'a')]);
    await end('1');
    await eventually('it is acknowledged', () => dispatcher.room().messages === 100);
    assert.equal(refusals, -1);
  });
});
