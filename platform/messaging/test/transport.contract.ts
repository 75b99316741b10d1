import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { Delivery, OutgoingMessage, ReceiveOptions, Settlement, Transport } from '../src/transport.ts';

/** A transport under test; each `open` is like another process on the same queues. */
export interface TransportUnderTest {
  open(): Transport;
  close(): Promise<void>;
}

const DONE: Settlement = 'done';
const allDone = async (deliveries: readonly Delivery[]) => deliveries.map(() => DONE);

function message(type: string, key: string, body: string, mandatory = false): OutgoingMessage {
  return { id: crypto.randomUUID(), type, key, body, mandatory };
}

/** What every transport promises. Run it against each implementation. `skip`: why it cannot run here. */
export function describeTransport(
  name: string,
  create: () => Promise<TransportUnderTest>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  describe(`the ${name} transport`, { skip }, () => {
    let subject: TransportUnderTest;
    let transport: Transport;
    before(async () => {
      subject = await create();
      transport = subject.open();
    });
    after(() => subject.close());

    function receive(
      queue: string,
      handle: ReceiveOptions['handle'],
      options: Partial<ReceiveOptions> = {},
      on = transport,
    ) {
      return on.receive(queue, { handle, concurrency: 4, maxBatch: 8, ...options });
    }

    it('routes a message to every queue that subscribes to its type, and to no other', async () => {
      const received: string[] = [];
      for (const queue of ['routes.a', 'routes.b']) await transport.subscribe(queue, ['wanted.v1']);
      await transport.subscribe('routes.c', ['other.v1']);
      const receivers = ['routes.a', 'routes.b', 'routes.c'].map((queue) =>
        receive(queue, async (deliveries) => {
          for (const { type, key, body } of deliveries) received.push(`${queue} ${type} ${key} ${body}`);
          return deliveries.map(() => DONE);
        }),
      );
      assert.deepEqual(await transport.publish([message('wanted.v1', 'k', '{}')]), []);
      await eventually('two deliveries', () => received.length === 2);
      await Promise.all(receivers.map((receiver) => receiver.close()));
      assert.deepEqual(received.sort(), ['routes.a wanted.v1 k {}', 'routes.b wanted.v1 k {}']);
    });

    it('shows every watching process each message of the types, also those from just before', async () => {
      const watch = (types: readonly string[], on: Transport) => {
        const bodies: string[] = [];
        const onNotice = ({ type, body }: { readonly type: string; readonly body: string }) => {
          bodies.push(`${type} ${body}`);
        };
        return {
          bodies: () => [...new Set(bodies)].sort(),
          ...on.watch({ types, sinceSeconds: 300, onNotice }),
        };
      };
      const first = watch(['ended.v1'], transport);
      await first.caughtUp;
      assert.deepEqual(first.bodies(), []);
      await transport.publish([message('ended.v1', 'k', 'a'), message('unwatched.v1', 'k', 'x')]);
      await eventually('the first', () => first.bodies().length === 1);
      const late = watch(['ended.v1', 'changed.v1'], subject.open());
      await late.caughtUp;
      assert.deepEqual(late.bodies(), ['ended.v1 a'], 'what happened before it was there');
      await subject.open().publish([message('changed.v1', 'l', 'b'), message('ended.v1', 'l', 'c')]);
      const all = ['changed.v1 b', 'ended.v1 a', 'ended.v1 c'];
      await eventually('the others', () => late.bodies().length === 3 && first.bodies().length === 2);
      assert.deepEqual(late.bodies(), all);
      assert.deepEqual(first.bodies(), ['ended.v1 a', 'ended.v1 c']);
      await Promise.all([first.close(), late.close()]);
      await transport.publish([message('ended.v1', 'k', 'd')]);
      assert.equal(first.bodies().length, 2);
    });

    it('keeps messages for a queue nobody receives from yet', async () => {
      await transport.subscribe('patient', ['kept.v1']);
      await transport.publish([message('kept.v1', 'k', 'first'), message('kept.v1', 'k', 'second')]);
      const bodies: string[] = [];
      const receiver = receive('patient', async (deliveries) => {
        bodies.push(...deliveries.map((delivery) => delivery.body));
        return deliveries.map(() => DONE);
      });
      await eventually('both', () => bodies.length === 2);
      await receiver.close();
      assert.deepEqual(bodies, ['first', 'second']);
    });

    it('hands out each key in order and to one receiver at a time, several keys at once', async () => {
      await transport.subscribe('ordered', ['step.v1']);
      const others = [subject.open(), subject.open()];
      const seen = new Map<string, number[]>();
      const busy = new Set<string>();
      let overlaps = 0;
      let together = 0;
      const handle: ReceiveOptions['handle'] = async (deliveries) => {
        const keys = [...new Set(deliveries.map((delivery) => delivery.key))];
        overlaps += keys.filter((key) => busy.has(key)).length;
        keys.map((key) => busy.add(key));
        together = Math.max(together, busy.size);
        await new Promise((resolve) => setTimeout(resolve, 2));
        deliveries.map(({ key, body }) => seen.set(key, [...(seen.get(key) ?? []), Number(body)]));
        keys.map((key) => busy.delete(key));
        return deliveries.map(() => DONE);
      };
      const receivers = [transport, ...others].map((on) => receive('ordered', handle, {}, on));
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
      for (let n = 0; n < 10; n += 1) {
        await transport.publish(keys.map((key) => message('step.v1', key, String(n))));
      }
      await eventually('all 200', () => [...seen.values()].flat().length >= 200);
      await Promise.all(receivers.map((receiver) => receiver.close()));
      // At least once: what counts is when each was seen first.
      for (const key of keys)
        assert.deepEqual([...new Set(seen.get(key))], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], key);
      assert.equal(overlaps, 0);
      assert.ok(together > 1, 'keys run side by side');
    });

    it('hands out again what was released, before later messages of its key, and other keys meanwhile', async () => {
      await transport.subscribe('released', ['step.v1']);
      const log: string[] = [];
      let releases = 2;
      const receiver = receive(
        'released',
        async (deliveries) => {
          let released = false;
          return deliveries.map(({ key, body }) => {
            log.push(`${key}${body}`);
            released ||= key === 'bad' && releases > 0;
            if (released && key === 'bad') releases -= 1;
            return released && key === 'bad' ? 'release' : DONE;
          });
        },
        { maxBatch: 1 },
      );
      await transport.publish([
        message('step.v1', 'bad', '1'),
        message('step.v1', 'bad', '2'),
        message('step.v1', 'good', '1'),
        message('step.v1', 'good', '2'),
      ]);
      await eventually('the last ones', () => log.includes('bad2') && log.includes('good2'));
      await receiver.close();
      const ofBad = log.filter((entry) => entry.startsWith('bad'));
      assert.deepEqual(ofBad, ['bad1', 'bad1', 'bad1', 'bad2']);
    });

    it('refuses a mandatory message nobody subscribes to, and what follows it in its key, and nothing else', async () => {
      await transport.subscribe('mandatory', ['wanted.v1']);
      const bodies: string[] = [];
      const receiver = receive('mandatory', async (deliveries) => {
        bodies.push(...deliveries.map((delivery) => delivery.body));
        return await allDone(deliveries);
      });
      const first = message('wanted.v1', 'k', 'before', true);
      const unwanted = message('unwanted.v1', 'k', 'unwanted', true);
      const behind = message('wanted.v1', 'k', 'behind');
      const other = message('wanted.v1', 'other', 'other');
      const dropped = message('unwanted.v1', 'third', 'dropped');
      assert.deepEqual(await transport.publish([first, unwanted, behind, other, dropped]), [
        { id: unwanted.id, reason: 'nobody subscribes to unwanted.v1' },
        { id: behind.id, reason: 'an earlier message of its key was refused' },
      ]);
      await eventually('both others', () => bodies.length === 2);
      await receiver.close();
      assert.deepEqual(bodies.sort(), ['before', 'other']);
    });

    it('hands out again, in order, what a closing receiver did not handle', async () => {
      await transport.subscribe('handed-over', ['step.v1']);
      const first = receive('handed-over', async (deliveries) => deliveries.map(() => 'release'), {
        maxBatch: 1,
      });
      await transport.publish(['1', '2', '3'].map((body) => message('step.v1', 'k', body)));
      await first.close();
      const bodies: string[] = [];
      const second = receive(
        'handed-over',
        async (deliveries) => {
          bodies.push(...deliveries.map((delivery) => delivery.body));
          return await allDone(deliveries);
        },
        {},
        subject.open(),
      );
      await eventually('all three', () => bodies.length === 3);
      await second.close();
      assert.deepEqual(bodies, ['1', '2', '3']);
    });

    it('waits for running handlers when it closes', async () => {
      await transport.subscribe('drained', ['step.v1']);
      let finished = 0;
      let begun = 0;
      const receiver = receive('drained', async (deliveries) => {
        begun += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
        finished += 1;
        return await allDone(deliveries);
      });
      await transport.publish([message('step.v1', 'k', '')]);
      await eventually('it runs', () => begun === 1);
      await receiver.close();
      assert.equal(finished, 1);
    });
  });
}
