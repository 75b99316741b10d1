import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint, Resolver } from '../endpoint.ts';
import { type BalancerOptions, createBalancer } from './create-balancer.ts';

const endpoint = (id: string, more: Partial<Endpoint> = {}): Endpoint => ({
  id,
  service: 'order',
  host: id,
  port: 80,
  ...more,
});

/** A random sequence that is the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function world(first: readonly Endpoint[], options: BalancerOptions = {}) {
  let now: readonly Endpoint[] = first;
  let nowMs = 0;
  const resolver: Resolver = { resolve: async () => now, known: () => now, close: async () => undefined };
  const balancer = createBalancer(resolver, { random: seeded(7), nowMs: () => nowMs, ...options });
  const pick = (how = {}) => balancer.pickKnown('order', how) ?? assert.fail('nothing is known');
  return {
    pick,
    balancer,
    set: (next: readonly Endpoint[]) => {
      now = next;
    },
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** How often each of them is picked. */
    count: (picks: number, how = {}) => {
      const counts: Record<string, number> = {};
      for (let turn = 0; turn < picks; turn += 1) {
        const { id } = pick(how);
        counts[id] = (counts[id] ?? 0) + 1;
      }
      return counts;
    },
  };
}

const three = ['a', 'b', 'c'].map((id) => endpoint(id));

describe('a balancer', () => {
  it('by default avoids the instance that is slow, and comes back when it is not', () => {
    const { pick, advance, count } = world(three);
    const serve = (slow: string | undefined, calls: number) => {
      for (let call = 0; call < calls; call += 1) {
        const { id, load } = pick();
        const end = load?.begin();
        advance(id === slow ? 200 : 10);
        end?.('answered');
      }
    };
    serve('a', 300);
    const { a = 0 } = count(900);
    // Only when both of the two are the slow one, which cannot be.
    assert.equal(a, 0);
    const former = world(three);
    assert.ok((former.count(900)['a'] ?? 0) > 200, 'without calls all are the same');
  });

  it('counts what runs: of two that are as quick the idle one is picked', () => {
    const { pick, count } = world(three.slice(0, 2));
    const busy = pick();
    busy.load?.begin();
    busy.load?.begin();
    assert.deepEqual(Object.keys(count(50)), [busy.id === 'a' ? 'b' : 'a']);
  });

  it('takes failures for slow, and learns nothing of calls that were given up', () => {
    const { pick } = world(three.slice(0, 1));
    const { load } = pick();
    load?.begin()('failed');
    assert.equal(load?.latencyMs, 1_000);
    load?.begin()('abandoned');
    const end = load?.begin();
    end?.('failed');
    end?.('failed');
    assert.equal(load?.inFlight, 0, 'a call ends once');
  });

  it('in turn, by weight, or by least requests when that is wanted', () => {
    assert.deepEqual(world(three, { strategy: 'round-robin' }).count(6), { a: 2, b: 2, c: 2 });
    const weighted = [endpoint('a', { weight: 5 }), endpoint('b'), endpoint('c')];
    const smooth = world(weighted, { strategy: 'weighted' });
    assert.equal(Array.from({ length: 7 }, () => smooth.pick().id).join(''), 'aabacaa');
    const { pick, count } = world(three, { strategy: 'least-requests' });
    pick().load?.begin();
    assert.equal(Object.keys(count(10)).length, 2);
    const { a = 0, b = 0 } = world(weighted).count(7_000);
    assert.ok(a > 2 * b, 'the default minds weights, too');
  });

  it('prefers the zone as long as half of it can be used', () => {
    const near = ['n1', 'n2', 'n3'].map((id) => endpoint(id, { zone: 'z1' }));
    const far = endpoint('far', { zone: 'z2' });
    const { count } = world([...near, far], { zone: 'z1' });
    assert.deepEqual(Object.keys(count(100)).sort(), ['n1', 'n2', 'n3']);
    assert.deepEqual(Object.keys(count(100, { exclude: new Set(['n1']) })).sort(), ['n2', 'n3']);
    const left = count(300, { exclude: new Set(['n1', 'n2']) });
    assert.deepEqual(Object.keys(left).sort(), ['far', 'n3']);
    assert.ok(world([far], { zone: 'z1' }).pick().id === 'far');
  });

  it('sends equal keys to the same instance, and moves only those of one that goes', () => {
    const ten = Array.from({ length: 10 }, (_, number) => endpoint(`i${number}`));
    const { pick, set } = world(ten, { strategy: 'consistent-hash' });
    const keys = Array.from({ length: 1_000 }, (_, number) => `customer-${number}`);
    const before = keys.map((key) => pick({ key }).id);
    assert.deepEqual(
      keys.map((key) => pick({ key }).id),
      before,
    );
    set(ten.slice(1));
    const moved = keys.filter((key, index) => pick({ key }).id !== before[index]);
    assert.deepEqual(
      moved,
      keys.filter((_, index) => before[index] === 'i0'),
    );
    set([...ten].reverse());
    assert.deepEqual(
      keys.map((key) => pick({ key }).id),
      before,
      'the order does not matter',
    );
    const busiest = Math.max(
      ...Object.values(Object.groupBy(before, (id) => id)).map((own) => own?.length ?? 0),
    );
    assert.ok(busiest < 150, `${busiest} of 1,000 keys on one of ten`);
  });

  it('a hot key spills over to others instead of taking one instance down', () => {
    const { pick } = world(three, { strategy: 'consistent-hash' });
    const loads = Array.from({ length: 30 }, () => {
      const picked = pick({ key: 'hot' });
      picked.load?.begin();
      return picked;
    });
    for (const { load } of loads) assert.ok((load?.inFlight ?? 0) <= 13);
  });

  it('calls a subset of very many, another client another one, and of one that goes its place alone', () => {
    const many = Array.from({ length: 200 }, (_, number) => endpoint(`i${number}`));
    const used = (client: string, endpoints = many) => {
      const { count } = world(endpoints, { subset: { client } });
      return Object.keys(count(2_000)).sort();
    };
    const own = used('one');
    assert.equal(own.length, 20);
    assert.notDeepEqual(used('two'), own);
    const without = used(
      'one',
      many.filter(({ id }) => id !== own[0]),
    );
    assert.equal(own.filter((id) => !without.includes(id)).length, 1);
    assert.equal(used('one', many.slice(0, 100)).length, 100);
  });

  it('lets a new instance begin slowly', () => {
    const { count, set, advance } = world(three.slice(0, 2));
    count(10);
    set(three);
    const early = count(3_000)['c'] ?? 0;
    assert.ok(early < 300, `${early} of 3,000`);
    advance(5_000);
    const later = count(3_000)['c'] ?? 0;
    assert.ok(later > early, `${later} after half of the time`);
    advance(5_000);
    assert.ok((count(3_000)['c'] ?? 0) > 800);
    const rest = world(three.slice(0, 2), { strategy: 'round-robin' });
    rest.count(2);
    rest.set(three);
    assert.ok((rest.count(300)['c'] ?? 0) < 40);
  });

  it('passes over what is excluded or unusable, and when nobody is usable takes any', async () => {
    const { pick, count, balancer, set } = world(three);
    assert.deepEqual(Object.keys(count(100, { exclude: new Set(['a', 'b']) })), ['c']);
    const isUsable = ({ id }: Endpoint) => id === 'b';
    assert.deepEqual(Object.keys(count(100, { isUsable })), ['b']);
    assert.equal(Object.keys(count(300, { isUsable: () => false })).length, 3);
    const none = { code: 'DISCOVERY_NO_ENDPOINT', retryable: true };
    assert.throws(() => pick({ exclude: new Set(['a', 'b', 'c']) }), none);
    set([]);
    await assert.rejects(balancer.pick('order'), none);
  });

  it('never picks who has gone, and loses no call, while the set changes a thousand times', () => {
    const { pick, set } = world(three);
    const random = seeded(3);
    const running: ((outcome: 'answered') => void)[] = [];
    const all = Array.from({ length: 20 }, (_, number) => endpoint(`i${number}`));
    let there = all;
    for (let change = 0; change < 1_000; change += 1) {
      there = all.filter(() => random() < 0.6).concat(all.slice(0, 1));
      set(there);
      const ids = new Set(there.map(({ id }) => id));
      for (let call = 0; call < 100; call += 1) {
        const picked = pick();
        assert.ok(ids.has(picked.id));
        const end = picked.load?.begin();
        if (end !== undefined) running.push(end);
        if (running.length > 50) running.splice(Math.floor(random() * running.length), 1)[0]?.('answered');
      }
    }
    for (const end of running) end('answered');
    for (let turn = 0; turn < 500; turn += 1) assert.equal(pick().load?.inFlight, 0);
  });
});
