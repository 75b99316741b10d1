import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PlatformError } from '@flotilla/kernel';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createVirtualTimers } from '../testing.ts';
import { createEdges, type EdgeSettings } from './edges.ts';

const away = (details = {}) => new PlatformError('HTTP_UNAVAILABLE', 'away', { retryable: true, details });
const none = () => new PlatformError('DISCOVERY_NO_ENDPOINT', 'none', { retryable: true });

function setUp(ids: readonly string[], settings: EdgeSettings = {}) {
  const timers = createVirtualTimers();
  const metrics = createMetrics();
  const edges = createEdges({
    ...{ caller: 'a', logger: silentLogger, metrics, timers, random: () => 0.5 },
    settings: { b: settings },
  });
  const edge = edges.to('b');
  let turn = 0;
  const pick = async (exclude: ReadonlySet<string>) => {
    const left = ids.filter((id) => !exclude.has(id));
    const id = left[turn++ % left.length];
    if (id === undefined) throw none();
    return { id };
  };
  const sent: Record<string, number> = {};
  /** One call, whose attempts end as `at` says. */
  const call = (at: (id: string) => Promise<string>, repeatable = false) =>
    edge.policy(
      async (attempt) => {
        const { id } = await edge.choose(attempt, pick);
        return await edge.at({ id }, attempt, () => {
          sent[id] = (sent[id] ?? 0) + 1;
          return at(id);
        });
      },
      { repeatable },
    );
  return { timers, metrics, edges, edge, call, sent };
}

describe('an edge', () => {
  it('leaves out an instance that fails, long before the circuit opens, and takes it back', async () => {
    const { timers, edge, call, sent } = setUp(['x', 'y']);
    const at = async (id: string) => {
      if (id === 'x') throw away();
      return id;
    };
    for (let index = 0; index < 40; index += 1) await call(at).catch(() => undefined);
    assert.equal(sent['x'], 5);
    assert.equal(edge.state().breaker, 'closed');
    await timers.advance(10_000);
    await call(at).catch(() => undefined);
    await call(at).catch(() => undefined);
    assert.equal(sent['x'], 6);
  });

  it('asks an instance that is left out rather than nobody', async () => {
    const { call, edge } = setUp(['x']);
    edge.drained('x');
    assert.equal(await call(async (id) => id), 'x');
  });

  it('lets one call at a time look for a service that nobody reaches, and the others follow', async () => {
    const { timers, call, sent, edge } = setUp(['x']);
    let isUp = false;
    const at = async (id: string) => {
      if (!isUp) throw away({ sent: false });
      return id;
    };
    const calls = Array.from({ length: 50 }, () => call(at));
    await timers.advance(2_000);
    assert.ok((sent['x'] ?? 0) < 80, `${sent['x']} attempts of 50 calls in 2 s`);
    assert.equal(edge.state().lostForMs, 2_000);
    isUp = true;
    await timers.advance(1_000);
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['x']));
    assert.equal(edge.state().lostForMs, undefined);
  });

  it('says why when its time is over, and fails at once when nobody has been reached for long', async () => {
    const { timers, call } = setUp(['x']);
    const unreachable = (error: unknown) => error instanceof PlatformError && error.details['sent'] === false;
    const at = () => Promise.reject(away({ sent: false }));
    for (let index = 0; index < 3; index += 1) {
      const ended = assert.rejects(call(at), unreachable);
      await timers.advance(5_000);
      await ended;
    }
    const waiting = [call(at), call(at)].map((one) => assert.rejects(one, unreachable));
    const before = timers.nowMs;
    await timers.advance(1_000);
    await Promise.all(waiting);
    assert.ok(timers.nowMs - before <= 1_000);
  });

  it('takes what the configuration says before what its client says', async () => {
    const { edges, timers } = setUp(['x'], { deadlineMs: 50, bulkhead: { maxConcurrent: 1, maxQueued: 0 } });
    const edge = edges.to('b', { deadlineMs: 9_000 });
    const hung = assert.rejects(edge.policy(() => new Promise(() => undefined)));
    await assert.rejects(
      edge.policy(async () => 1),
      { code: 'RESILIENCE_OVERLOADED' },
    );
    await timers.advance(50);
    await hung;
  });

  it('shows its state as metrics', async () => {
    const { call, metrics } = setUp(['x']);
    await call(async (id) => id);
    assert.match(metrics.render(), /resilience_edge_events_total\{edge="a→b",of="attempts"\} 1/);
    assert.match(metrics.render(), /resilience_edge_breaker\{edge="a→b"\} 0/);
  });
});
