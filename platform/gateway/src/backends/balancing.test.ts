import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '@flotilla/kernel';
import { createMetrics } from '@flotilla/telemetry';
import {
  createManualTimers,
  createPlainBackendClient,
  exchangeWith,
  hosts,
  QUIET,
  routeWith,
  UNTRIED,
} from '../../test/backends.ts';
import type { RouteConfig } from '../model.ts';
import type { BalancerConfig } from '../policies/load-balancing/config.ts';
import type { HostAndPort } from '../policies/target/config.ts';
import type { Backend, CallOutcome, Tried } from './backends.ts';
import type { CreateBalancer } from './balancers.ts';
import { type Backends, createBackends } from './create-backends.ts';

function start(random?: () => number, balancers?: ReadonlyMap<string, CreateBalancer>) {
  const timers = createManualTimers();
  const backends = createBackends({
    config: { routes: [], discovery: undefined, dynamic: undefined },
    backendClient: createPlainBackendClient(),
    timers,
    clock: systemClock,
    logger: QUIET,
    metrics: createMetrics(),
    ...(random && { random }),
    ...(balancers && { balancers }),
  });
  return { backends, timers };
}

function pick(
  backends: Backends,
  route: RouteConfig,
  headers = {},
  tried: Tried = UNTRIED,
): Backend | undefined {
  const picked = backends.poolFor(route).pick(exchangeWith(headers), tried);
  assert.ok(!(picked instanceof Promise), 'known instances are picked at once');
  return picked;
}

/** Ports of `count` picks, one after the other. */
function ports(backends: Backends, route: RouteConfig, count: number, headers = {}): number[] {
  return Array.from({ length: count }, () => pick(backends, route, headers)?.origin.port ?? 0);
}

function call(backends: Backends, route: RouteConfig, backend: Backend, outcome: CallOutcome, ms = 5): void {
  const pool = backends.poolFor(route);
  pool.began(backend);
  pool.ended(backend, outcome, ms);
}

function balanced(balancer: BalancerConfig, instances: readonly HostAndPort[] = hosts(1, 2, 3)): RouteConfig {
  return routeWith({ balancer, target: { kind: 'hosts', hosts: instances } });
}

describe('balancers', () => {
  it('NoLoadBalancer takes the first', () => {
    assert.deepEqual(ports(start().backends, balanced({ type: 'NoLoadBalancer' }), 3), [1, 1, 1]);
  });

  it('RoundRobin takes all in turn, beginning with the first', () => {
    assert.deepEqual(ports(start().backends, balanced({ type: 'RoundRobin' }), 4), [1, 2, 3, 1]);
  });

  it('LeastConnection takes the one with the fewest calls in flight, of equals in turn', () => {
    const { backends } = start();
    const route = balanced({ type: 'LeastConnection' });
    const pool = backends.poolFor(route);
    const busy = [pick(backends, route), pick(backends, route)];
    for (const backend of busy) if (backend) pool.began(backend);
    assert.deepEqual(ports(backends, route, 3), [3, 3, 3]);
    const [first] = busy;
    if (first) pool.ended(first, 'answered', 1);
    assert.deepEqual(new Set(ports(backends, route, 4)), new Set([1, 3]));
  });

  it('counts calls in flight over all routes to an instance', () => {
    const { backends } = start();
    const other = routeWith({ name: '/other', target: { kind: 'hosts', hosts: hosts(1) } });
    const backend = pick(backends, other);
    if (backend) backends.poolFor(other).began(backend);
    const route = balanced({ type: 'LeastConnection' }, hosts(1, 2));
    assert.deepEqual(ports(backends, route, 3), [2, 2, 2]);
  });

  it('PowerOfTwoChoices takes the one that should answer sooner, and failing fast is not fast', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { backends } = start(random);
    const route = balanced({ type: 'PowerOfTwoChoices' });
    const byPort = new Map<number, Backend>();
    while (byPort.size < 3) {
      const backend = pick(backends, route);
      if (backend) byPort.set(backend.origin.port, backend);
    }
    for (const [port, backend] of byPort) {
      if (port === 3) call(backends, route, backend, 'failed', 1);
      else call(backends, route, backend, 'answered', port * 100);
    }
    const picked = ports(backends, route, 300);
    const times = (port: number) => picked.filter((one) => one === port).length;
    assert.equal(times(3), 0, 'it loses against each other one');
    assert.ok(times(1) > times(2), `${times(1)} > ${times(2)}`);
    assert.ok(times(2) > 50, 'a slower one is still asked');
  });

  it('Weighted shares smoothly', () => {
    const weighted = hosts(1, 2, 3).map((host, at) => ({ ...host, weight: [5, 1, 1][at] ?? 1 }));
    const picked = ports(start().backends, balanced({ type: 'Weighted' }, weighted), 14);
    assert.deepEqual(picked, [1, 1, 2, 1, 3, 1, 1, 1, 1, 2, 1, 3, 1, 1]);
  });

  it('Weighted leaves out weight 0 as long as another has more', () => {
    const weighted = hosts(1, 2).map((host, at) => ({ ...host, weight: at }));
    assert.deepEqual(ports(start().backends, balanced({ type: 'Weighted' }, weighted), 3), [2, 2, 2]);
  });

  it('ZoneAware stays in its zone until nothing is usable there', () => {
    const { backends } = start();
    const zoned = hosts(1, 2, 3).map((host, at) => ({ ...host, zone: at === 0 ? 'b' : 'a' }));
    const route = balanced({ type: 'ZoneAware', zone: 'a' }, zoned);
    assert.deepEqual(ports(backends, route, 4), [2, 3, 2, 3]);
    const tried = { refused: new Set(['127.0.0.1:2', '127.0.0.1:3']), avoid: new Set<string>() };
    assert.equal(pick(backends, route, {}, tried)?.origin.port, 1);
    assert.ok(backends.eject('http://127.0.0.1:2') && backends.eject('http://127.0.0.1:3'));
    assert.deepEqual(ports(backends, route, 2), [1, 1]);
  });
});

describe('a balancer registered in code', () => {
  const last: CreateBalancer = () => (backends) => backends.at(-1) ?? backends[0];

  it('chooses among what is usable', () => {
    const { backends } = start(undefined, new Map([['Last', last]]));
    const route = balanced({ type: 'Registered', name: 'Last' });
    assert.deepEqual(ports(backends, route, 2), [3, 3]);
    backends.eject('http://127.0.0.1:3');
    assert.deepEqual(ports(backends, route, 1), [2]);
  });

  it('must be there', () => {
    const route = balanced({ type: 'Registered', name: 'Last' });
    assert.throws(() => start().backends.poolFor(route), RangeError);
  });
});

describe('sticky sessions', () => {
  const sticky = (cookie = 'sid', expiryMs = 1000): BalancerConfig => {
    return { type: 'CookieStickySessions', cookie, expiryMs };
  };
  const withSession = (value: string) => ({ cookie: `other=1; sid=${value}` });

  it('keeps a session where it is and assigns new ones in turn', () => {
    const { backends } = start();
    const route = balanced(sticky());
    assert.deepEqual(ports(backends, route, 2, withSession('a')), [1, 1]);
    assert.deepEqual(ports(backends, route, 2, withSession('b')), [2, 2]);
    assert.deepEqual(ports(backends, route, 1, withSession('a')), [1]);
  });

  it('balances requests without the cookie, and remembers nothing of them', () => {
    assert.deepEqual(ports(start().backends, balanced(sticky()), 3, { cookie: 'sidx=1; xsid=2' }), [1, 2, 3]);
  });

  it('forgets a session that was not used for its expiry, and no other', () => {
    const { backends, timers } = start();
    const route = balanced(sticky());
    ports(backends, route, 1, withSession('a'));
    timers.advance(900);
    assert.deepEqual(ports(backends, route, 1, withSession('a')), [1], 'which renews it');
    timers.advance(900);
    assert.deepEqual(ports(backends, route, 1, withSession('a')), [1]);
    timers.advance(1000);
    assert.deepEqual(ports(backends, route, 1, withSession('a')), [2]);
  });

  it('is shared by routes with the same cookie', () => {
    const { backends } = start();
    ports(backends, balanced(sticky()), 1, withSession('z'));
    const first = balanced(sticky());
    const other = { ...first, name: '/other' };
    assert.deepEqual(ports(backends, first, 1, withSession('a')), [2]);
    assert.deepEqual(ports(backends, other, 1, withSession('a')), [2]);
    assert.deepEqual(
      ports(backends, { ...other, name: '/third', balancer: sticky('s2') }, 1, { cookie: 's2=a' }),
      [1],
    );
  });

  it('moves a session whose instance took no connection, for good', () => {
    const { backends } = start();
    const route = balanced(sticky());
    assert.equal(pick(backends, route, withSession('a'))?.origin.port, 1);
    const tried = { refused: new Set(['127.0.0.1:1']), avoid: new Set<string>() };
    const next = pick(backends, route, withSession('a'), tried)?.origin.port;
    assert.notEqual(next, 1);
    assert.equal(pick(backends, route, withSession('a'))?.origin.port, next);
  });
});

describe('what was tried already', () => {
  const route = balanced({ type: 'NoLoadBalancer' }, hosts(1, 2));
  const tried = (refused: readonly number[], avoid: readonly number[]): Tried => {
    const ids = (list: readonly number[]) => new Set(list.map((port) => `127.0.0.1:${port}`));
    return { refused: ids(refused), avoid: ids(avoid) };
  };

  it('is left out; what gave no answer is asked again when nothing else is left; what took no connection never', () => {
    const { backends } = start();
    const port = (what: Tried) => pick(backends, route, {}, what)?.origin.port;
    assert.equal(port(tried([1], [])), 2);
    assert.equal(port(tried([], [1])), 2);
    assert.equal(port(tried([2], [1])), 1);
    assert.equal(port(tried([1, 2], [])), undefined);
  });

  it('an ejected instance is the last resort of a retry', () => {
    const { backends } = start();
    const guarded = routeWith({
      balancer: { type: 'NoLoadBalancer' },
      target: { kind: 'hosts', hosts: hosts(1, 2) },
      health: {
        active: undefined,
        passive: { consecutiveFailures: 1, ejectionMs: 1000, maxEjectedPercent: 50 },
      },
    });
    const first = pick(backends, guarded);
    if (first) call(backends, guarded, first, 'failed');
    assert.equal(pick(backends, guarded)?.origin.port, 2);
    assert.equal(pick(backends, guarded, {}, tried([2], []))?.origin.port, 1);
  });
});

describe('versions', () => {
  const origins = (route: RouteConfig, count: number, backends: Backends) => {
    const picked = ports(backends, route, count);
    return Object.fromEntries([1, 2].map((port) => [port, picked.filter((one) => one === port).length]));
  };

  it('without tags that discovery knows all instances serve', () => {
    const { backends } = start();
    const route = routeWith({
      target: { kind: 'hosts', hosts: hosts(1, 2) },
      versions: [{ tag: 'v1', weight: 1 }],
    });
    assert.deepEqual(origins(route, 10, backends), { 1: 5, 2: 5 });
  });
});
