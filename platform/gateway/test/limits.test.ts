import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measureLoopDelay } from '@flotilla/resilience';
import type { LoadPriority } from '../src/policies/overload/config.ts';
import { compileOverload } from '../src/policies/overload/overload.ts';
import { createBudgets } from '../src/policies/rate-limit/budget.ts';
import type { RateLimitConfig } from '../src/policies/rate-limit/config.ts';
import {
  compileRateLimit,
  createBudgetRegistry,
  type RateLimitDeps,
} from '../src/policies/rate-limit/rate-limit.ts';
import type { Refusal } from '../src/wire/rules/refusal.ts';
import { linesOf, type TestRequest, testExchange } from './exchange.ts';

describe('a budget', () => {
  const plain = { limit: 3, periodMs: 1_000, waitMs: undefined };

  it('admits the limit in a period that begins with the first request', () => {
    const budgets = createBudgets(plain);
    const at = (nowMs: number) => budgets.admit('a', nowMs);
    assert.deepEqual(at(500), { admitted: true, remaining: 2, resetAfterMs: 1_000 });
    assert.deepEqual(at(700), { admitted: true, remaining: 1, resetAfterMs: 800 });
    assert.deepEqual(at(700), { admitted: true, remaining: 0, resetAfterMs: 800 });
    assert.deepEqual(at(1_499), { admitted: false, remaining: 0, resetAfterMs: 1 });
    assert.deepEqual(at(1_500), { admitted: true, remaining: 2, resetAfterMs: 1_000 });
  });

  it('is one for each owner', () => {
    const budgets = createBudgets({ ...plain, limit: 1 });
    assert.deepEqual(
      ['a', 'b', 'a'].map((owner) => budgets.admit(owner, 0).admitted),
      [true, true, false],
    );
  });

  it('with a wait rejects from the first rejection on for so long, also beyond the period, and not longer', () => {
    const budgets = createBudgets({ limit: 1, periodMs: 1_000, waitMs: 5_000 });
    const at = (nowMs: number) => budgets.admit('a', nowMs);
    assert.equal(at(0).admitted, true);
    assert.deepEqual(at(100), { admitted: false, remaining: 0, resetAfterMs: 5_000 });
    assert.deepEqual(at(3_100), { admitted: false, remaining: 0, resetAfterMs: 2_000 });
    assert.equal(at(5_100).admitted, true);
  });

  it('with a wait shorter than the period begins a new period after it', () => {
    const budgets = createBudgets({ limit: 1, periodMs: 10_000, waitMs: 500 });
    assert.deepEqual(
      [0, 10, 509, 510, 511].map((nowMs) => budgets.admit('a', nowMs).admitted),
      [true, false, false, true, false],
    );
  });

  it('never admits more than the limit in any period, whatever the arrivals', () => {
    for (let seed = 1; seed < 60; seed += 1) {
      const random = seeded(seed);
      const limit = 1 + Math.floor(random() * 5);
      const budgets = createBudgets({
        limit,
        periodMs: 100,
        waitMs: random() < 0.5 ? undefined : 30 + random() * 200,
      });
      let startMs = 0;
      let admitted = 0;
      for (let nowMs = 0; nowMs < 5_000; nowMs += random() * 20) {
        const { remaining, ...result } = budgets.admit('a', nowMs);
        if (!result.admitted) continue;
        if (remaining === limit - 1) [startMs, admitted] = [nowMs, 0];
        admitted += 1;
        assert.equal(remaining, limit - admitted);
        assert.ok(remaining >= 0 && nowMs - startMs < 100);
      }
    }
  });
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const CONFIG: RateLimitConfig = {
  limit: 2,
  period: '10s',
  periodMs: 10_000,
  waitMs: undefined,
  wait: '0ms',
  key: { kind: 'header', header: 'Oc-Client' },
  whitelist: new Set(['vip']),
  status: 429,
  message: 'Exceeding!',
  format: 'text',
  headers: true,
  store: 'memory',
};

function limiter(changes: Partial<RateLimitConfig> = {}, deps: Partial<RateLimitDeps> = {}) {
  const config = { ...CONFIG, ...changes };
  const stage = config.key.kind === 'claim' ? 'after-authentication' : 'before-authentication';
  const step = compileRateLimit(config, stage, {
    routeId: 'r',
    routeName: '/r',
    strict: false,
    budgets: createBudgetRegistry(),
    shared: undefined,
    nowMs: () => 1_000,
    ...deps,
  });
  assert.ok(step);
  return (request: TestRequest) => {
    const exchange = testExchange(request);
    const refusal = step(exchange) as Refusal | undefined;
    return { refusal, status: refusal?.status ?? 200, told: linesOf(exchange.answerFields) };
  };
}

const by = (id: string): TestRequest => ({ fields: [['oc-client', id]] });

describe('a rate limit', () => {
  it('is charged in its stage', () => {
    const deps = {
      ...({ routeId: 'r', routeName: '/r', strict: false, shared: undefined } as const),
      nowMs: () => 0,
    };
    const budgets = createBudgetRegistry();
    assert.equal(compileRateLimit(undefined, 'before-authentication', { ...deps, budgets }), undefined);
    assert.equal(compileRateLimit(CONFIG, 'after-authentication', { ...deps, budgets }), undefined);
    const claim = { ...CONFIG, key: { kind: 'claim', claim: 'sub' } } as const;
    assert.equal(compileRateLimit(claim, 'before-authentication', { ...deps, budgets }), undefined);
  });

  it('tells the budget with every admission, and when to come back with a rejection', () => {
    const request = limiter({ message: 'Enough: 2 per 10s' });
    assert.deepEqual(request(by('a')).told, [
      'ratelimit-limit: 2',
      'ratelimit-remaining: 1',
      'ratelimit-reset: 10',
      'x-ratelimit-limit: 2',
      'x-ratelimit-remaining: 1',
      'x-ratelimit-reset: 1970-01-01T00:00:11.000Z',
    ]);
    request(by('a'));
    const { refusal, told } = request(by('a'));
    assert.deepEqual(refusal, {
      status: 429,
      code: 'rate-limited',
      text: 'Enough: 2 per 10s',
      headers: [['retry-after', '10']],
    });
    assert.deepEqual(told, ['ratelimit-limit: 2', 'ratelimit-remaining: 0', 'ratelimit-reset: 10']);
  });

  it('tells nothing when it should not', () => {
    const request = limiter({ headers: false, limit: 1, format: 'problem', status: 503 });
    assert.deepEqual(request(by('a')).told, []);
    assert.deepEqual(request(by('a')).refusal, { status: 503, code: 'rate-limited', detail: 'Exceeding!' });
  });

  it('never limits who is on the whitelist', () => {
    const request = limiter({ limit: 1 });
    for (let count = 0; count < 5; count += 1) assert.deepEqual(request(by('vip')).told, []);
  });

  it('knows a client without the field by its address, and nobody else by that name', () => {
    const request = limiter({ limit: 1 });
    const anonymous = { peerAddress: '192.0.2.5' };
    assert.equal(request(by('192.0.2.5')).status, 200);
    assert.equal(request(by('a:192.0.2.5')).status, 200);
    assert.equal(request(anonymous).status, 200);
    assert.equal(
      request({
        ...anonymous,
        fields: [
          ['Oc-Client', ''],
          ['X-Real-IP', '1.1.1.1'],
        ],
      }).status,
      429,
    );
    assert.equal(request({ peerAddress: '192.0.2.6' }).status, 200);
  });

  it('takes all addresses of one IPv6 network for one client', () => {
    const from = (peerAddress: string): TestRequest => ({ peerAddress });
    const changes: readonly Partial<RateLimitConfig>[] = [
      {},
      { key: { kind: 'address' } },
      { key: { kind: 'claim', claim: 'sub' } },
    ];
    for (const change of changes) {
      const request = limiter({ ...change, limit: 1, whitelist: new Set(['2001:db8:1:2::99']) });
      assert.equal(request(from('2001:db8:1:2::1')).status, 200);
      assert.equal(request(from('2001:DB8:1:2:ffff::')).status, 429);
      assert.equal(request(from('2001:db8:1:3::1')).status, 200);
      assert.equal(request(from('2001:db8:1:2::99')).status, 200, 'it is on the whitelist');
      assert.equal(request(from('192.0.2.1')).status, 200);
      assert.equal(request(from('::ffff:192.0.2.1')).status, 429);
    }
  });

  it('names the owner of a shared budget in the usual notation', () => {
    const keys: string[] = [];
    const shared = {
      admit: (key: string) => {
        keys.push(key);
        return undefined;
      },
      close: async () => undefined,
    };
    limiter({ store: 'shared' }, { shared })({ peerAddress: '2001:db8:1:2::1' });
    assert.deepEqual(keys, ['flotilla:limit:r 2/10000/0 header:oc-client a:2001:db8:1:2::/64']);
  });

  it('strictly refuses a client without the field', () => {
    const request = limiter({ wait: '1s' }, { strict: true });
    assert.deepEqual(request({}).refusal, {
      status: 503,
      code: 'client-unidentified',
      text: "Rate limiting client could not be identified for the route '/r' due to a missing or unknown client ID header required by rule '2/10s/w1s'!",
      headers: [['retry-after', '-1']],
    });
  });

  it('strictly tells the wait as a fraction', () => {
    let nowMs = 0;
    const request = limiter({ limit: 1 }, { strict: true, nowMs: () => nowMs });
    request(by('a'));
    nowMs = 9_786.9;
    assert.deepEqual(request(by('a')).refusal?.headers, [['retry-after', '0.2131']]);
  });

  it('may be one for all, for each address or for each value of a claim', () => {
    const all = limiter({ limit: 1, key: { kind: 'route' } });
    assert.deepEqual(
      [by('a'), by('b')].map((one) => all(one).status),
      [200, 429],
    );
    const address = limiter({ limit: 1, key: { kind: 'address' } });
    assert.deepEqual(
      [by('a'), by('b'), { peerAddress: '192.0.2.9' }].map((one) => address(one).status),
      [200, 429, 200],
    );
    const claim = limiter({ limit: 1, key: { kind: 'claim', claim: 'sub' } });
    const requests: TestRequest[] = [
      { claims: { sub: ['x'] } },
      { claims: { sub: ['x'] } },
      { claims: { sub: ['y'] } },
      {},
      {},
    ];
    assert.deepEqual(
      requests.map((one) => claim(one).status),
      [200, 429, 200, 200, 429],
    );
  });

  it('tells apart ids of any length', () => {
    const request = limiter({ limit: 1 });
    const long = 'x'.repeat(4_000);
    assert.deepEqual(
      [`${long}1`, `${long}2`, `${long}1`].map((id) => request(by(id)).status),
      [200, 200, 429],
    );
  });

  it('is kept over a reload as long as its rule stays the same', () => {
    const before = createBudgetRegistry();
    limiter({ limit: 1 }, { budgets: before })(by('a'));
    const after = createBudgetRegistry(before);
    assert.equal(limiter({ limit: 1 }, { budgets: after })(by('a')).status, 429);
    assert.equal(limiter({ limit: 2 }, { budgets: after })(by('a')).status, 200);
    assert.equal(limiter({ limit: 1 }, { budgets: after, routeId: 'other' })(by('a')).status, 200);
    assert.equal(limiter({ limit: 1 }, { budgets: createBudgetRegistry(after) })(by('a')).status, 429);
  });
});

describe('a shared rate limit', () => {
  it('takes the word of the store, and counts by itself while there is none', async () => {
    const answers = [
      Promise.resolve({ admitted: false, remaining: 0, resetAfterMs: 3_000 }),
      Promise.resolve(undefined),
      undefined,
      undefined,
    ];
    const keys: string[] = [];
    const shared = {
      admit: (key: string) => {
        keys.push(key);
        return answers.shift();
      },
      close: async () => undefined,
    };
    const request = limiter({ store: 'shared' }, { shared });
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const refusal = await (request(by('a')).refusal as Promise<Refusal | undefined> | Refusal | undefined);
      statuses.push(refusal?.status ?? 200);
    }
    assert.deepEqual(statuses, [429, 200, 200, 429]);
    assert.deepEqual([...new Set(keys)], ['flotilla:limit:r 2/10000/0 header:oc-client h:a']);
  });

  it('counts in memory when there is no store', () => {
    const request = limiter({ store: 'shared', limit: 1 });
    assert.deepEqual(
      [by('a'), by('a')].map((one) => request(one).status),
      [200, 429],
    );
  });
});

describe('overload', () => {
  const config = { maxInFlight: 100, maxLoopDelayMs: 50 };
  const status = (priority: LoadPriority, inFlight: number, loopDelayMs: number) =>
    (
      compileOverload(config, priority, () => ({ inFlight, loopDelayMs }))?.(testExchange()) as
        | Refusal
        | undefined
    )?.status;

  it('is no step without limits', () => {
    const never = { maxInFlight: Number.POSITIVE_INFINITY, maxLoopDelayMs: Number.POSITIVE_INFINITY };
    assert.equal(
      compileOverload(never, 'low', () => ({ inFlight: 1e9, loopDelayMs: 1e9 })),
      undefined,
    );
  });

  it('costs the lowest priority first', () => {
    const refused = (inFlight: number, delayMs: number) =>
      (['low', 'normal', 'critical'] as const).filter(
        (priority) => status(priority, inFlight, delayMs) === 503,
      );
    assert.deepEqual(refused(100, 50), []);
    assert.deepEqual(refused(101, 0), ['low']);
    assert.deepEqual(refused(0, 51), ['low']);
    assert.deepEqual(refused(151, 0), ['low', 'normal']);
    assert.deepEqual(refused(0, 101), ['low', 'normal', 'critical']);
  });

  it('is seen when the event loop is late', async (t) => {
    const delay = measureLoopDelay();
    t.after(delay.close);
    assert.equal(delay.medianMs, 0);
    const endsAt = performance.now() + 10_000;
    while (delay.medianMs < 20 && performance.now() < endsAt) {
      const busyUntil = performance.now() + 40;
      while (performance.now() < busyUntil);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.ok(delay.medianMs >= 20, `${delay.medianMs}`);
  });
});
