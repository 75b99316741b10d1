import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ShardLeases } from '../bus/shard-leases.ts';
import type { OutboxRow } from './outbox-store.ts';
import { createRelayPump, type RelayPumpOptions } from './relay-pump.ts';

const MESSAGES = 6;

/** A pump on an outbox in memory with two shards, each with the messages 1 to 6 of one key. */
function createPump(onPublish: (batch: number, tokens: Map<number, string>) => void) {
  const tokens = new Map([0, 1].map((shard) => [shard, '1']));
  let outbox = [...tokens.keys()].flatMap((shard) =>
    Array.from({ length: MESSAGES }, (_, index) => rowOf(shard, index + 1)),
  );
  const sent: OutboxRow[] = [];
  let batches = 0;
  const leases: Pick<ShardLeases, 'active' | 'holds' | 'surplus' | 'release'> = {
    active: () => new Map(tokens),
    holds: (shard, token) => tokens.get(shard) === token,
    surplus: () => [],
    release: async () => undefined,
  };
  const store: RelayPumpOptions['store'] = {
    fetch: async (shards, { after }) => ({
      rows: [...shards].flatMap(([shard, token]) =>
        outbox
          .filter((row) => row.shard === shard && Number(row.id) > Number(after.get(shard) ?? 0))
          .slice(0, 2)
          .map((row) => ({ ...row, token })),
      ),
      behind: [],
      isFull: true,
    }),
    confirm: async (rows) => {
      const gone = new Set(
        rows.filter((row) => tokens.get(row.shard) === row.token).map((row) => row.message_id),
      );
      outbox = outbox.filter((row) => !gone.has(row.message_id));
    },
    confirmHeld: async () => undefined,
    setAside: async () => undefined,
  };
  const pump = createRelayPump({
    ...{ store, leases, onPublished: () => undefined, settleRefusal: async () => undefined },
    transport: {
      publish: async (messages) => {
        batches += 1;
        sent.push(...messages.map(({ id }) => rowOf(Number(id.split('-')[0]), Number(id.split('-')[1]))));
        await Promise.resolve();
        onPublish(batches, tokens);
        return [];
      },
    },
  });
  return {
    /** Until nothing is left. Returns the numbers sent of each shard, without repetitions. */
    run: async () => {
      for (let rounds = 0; outbox.length > 0; rounds += 1) {
        assert.ok(rounds < 20, 'it comes to an end');
        await pump();
      }
      return [0, 1].map((shard) => [
        ...new Set(sent.filter((row) => row.shard === shard).map((row) => Number(row.id))),
      ]);
    },
  };
}

function rowOf(shard: number, n: number): OutboxRow {
  const message = { message_id: `${shard}-${n}`, key: `k${shard}`, type: 'test.v1', envelope: '' };
  return { shard, token: '', id: String(n), ...message, mandatory: false, attempts: 0, held: false };
}

const inOrder = Array.from({ length: MESSAGES }, (_, index) => index + 1);

describe('the pump of a relay', () => {
  it('sends a shard from its start when it is lost and gained again while a batch is on its way', async () => {
    for (const when of [1, 2, 3]) {
      const { run } = createPump((batch, tokens) => {
        if (batch === when) tokens.set(0, '2');
      });
      assert.deepEqual(await run(), [inOrder, inOrder], `lost with batch ${when}`);
    }
  });

  it('sends a shard from its start when others had it in between', async () => {
    for (const when of [1, 2]) {
      const { run } = createPump((batch, tokens) => {
        if (batch === when) tokens.delete(0);
        if (batch === when + 1) tokens.set(0, '2');
      });
      assert.deepEqual(await run(), [inOrder, inOrder], `lost with batch ${when}`);
    }
  });
});
