import assert from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { beforeEach, describe, it } from 'node:test';
import { createManualTimers, until } from '../../test/backend-rig.ts';
import { tunnel } from './tunnel.ts';

const IDLE_MS = 10_000;

interface Tunnel {
  /** The far ends. */
  readonly client: Duplex;
  readonly backend: Duplex;
  readonly near: readonly Duplex[];
  readonly events: string[];
}

let timers: ReturnType<typeof createManualTimers>;
beforeEach(() => {
  timers = createManualTimers();
});

function open(idleMs = IDLE_MS): Tunnel {
  const [nearClient, client] = duplexPair();
  const [nearBackend, backend] = duplexPair();
  const events: string[] = [];
  tunnel(nearClient, nearBackend, Buffer.alloc(0), {
    timers,
    idleMs,
    onIdle: () => events.push('idle'),
    onClose: (bytes) => events.push(`closed ${bytes}`),
  });
  return { client, backend, near: [nearClient, nearBackend], events };
}

async function pass(from: Duplex, to: Duplex): Promise<void> {
  let came = false;
  to.once('data', () => {
    came = true;
  });
  from.write('x');
  await until(() => came);
}

describe('a tunnel', () => {
  it('in which nothing is said is closed on both sides', async () => {
    const { near, events } = open();
    timers.advance(IDLE_MS - 1);
    assert.deepEqual(events, []);
    timers.advance(1);
    assert.ok(near.every(({ destroyed }) => destroyed));
    await until(() => events.length === 2);
    assert.deepEqual(events, ['idle', 'closed 0']);
  });

  it('is kept open by a byte from either side', async () => {
    const { client, backend, events } = open();
    for (const [from, to] of [
      [client, backend],
      [backend, client],
      [client, backend],
    ] as const) {
      timers.advance(IDLE_MS - 1);
      await pass(from, to);
    }
    timers.advance(IDLE_MS - 1);
    assert.deepEqual(events, []);
    timers.advance(1);
    assert.equal(events[0], 'idle');
  });

  it('is kept open by a slow reader, who takes what is there', async () => {
    const { client, backend, near, events } = open();
    backend.write(Buffer.alloc(200_000));
    await until(() => near[0]?.writableNeedDrain === true);
    timers.advance(IDLE_MS - 1);
    client.resume();
    await until(() => near[0]?.writableNeedDrain === false);
    timers.advance(IDLE_MS - 1);
    assert.deepEqual(events, []);
  });

  it('without a limit is never closed for silence', () => {
    const { events } = open(Number.POSITIVE_INFINITY);
    timers.advance(1e12);
    assert.deepEqual(events, []);
  });

  it('whose sides went by themselves was not silent', async () => {
    const { client, backend, near, events } = open();
    backend.resume();
    client.destroy();
    near[0]?.destroy();
    await until(() => near.every(({ destroyed }) => destroyed));
    timers.advance(2 * IDLE_MS);
    assert.deepEqual(events, ['closed 0']);
  });

  it('ends the other side, too, when it does not take what is left', async () => {
    const { backend, near, events } = open();
    near[0]?.write(Buffer.alloc(200_000)); // nobody reads it
    backend.end();
    near[1]?.destroy();
    await until(() => events.length === 1);
    assert.equal(near[0]?.destroyed, false);
    timers.advance(2 * IDLE_MS);
    assert.equal(near[0]?.destroyed, true);
    assert.deepEqual(events, ['closed 0']);
  });
});
