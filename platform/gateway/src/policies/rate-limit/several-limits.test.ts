import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { problemsOf, ROUTE, routeOf } from '../../../test/config.ts';
import { createTestBed, routeTo } from '../../../test/gateway.ts';

const bed = createTestBed();
after(() => bed.close());

describe('several limits on one route', () => {
  it('must all admit a request, and the tightest is told', async () => {
    const port = await bed.backend((_, response) => response.end('ok'));
    const RateLimitOptions = {
      ...{ ClientIdHeader: 'X-Client', Limit: 2, Period: '1h', QuotaMessage: 'no more than {0}' },
      Rules: [{ Limit: 4, Period: '1d', KeyBy: 'Route', StatusCode: 430 }],
    };
    const url = await bed.gateway({ Routes: [routeTo(port, '/x', { RateLimitOptions })] });
    const ask = async (client: string) => {
      const { status, headers } = await fetch(`${url}/x`, { headers: { 'x-client': client } });
      const [limit, remaining] = ['limit', 'remaining'].map((name) => headers.get(`ratelimit-${name}`));
      return `${status} ${remaining} of ${limit}, ${headers.get('x-ratelimit-limit')}`;
    };
    assert.equal(await ask('a'), '200 1 of 2, 2');
    assert.equal(await ask('a'), '200 0 of 2, 2');
    assert.equal(await ask('a'), '429 0 of 2, null', 'of this client');
    assert.equal(await ask('b'), '200 1 of 2, 2');
    assert.equal(await ask('c'), '200 0 of 4, 4', 'the last of all clients');
    assert.equal(await ask('d'), '430 0 of 4, null', 'of all clients');
    const refused = await fetch(`${url}/x`, { headers: { 'x-client': 'e' } });
    assert.equal(await refused.text(), 'no more than 4', 'what a rule does not say it has from around it');
    assert.ok(Number(refused.headers.get('retry-after')) > 3_600);
  });

  it('may all be rules', () => {
    const Rules = [
      { Limit: 1, Period: '1s' },
      { Limit: 9, Period: '1m', KeyBy: 'Route' },
    ];
    const route = routeOf({ RateLimitOptions: { Rules, EnableHeaders: false } });
    const all = [route.rateLimit, ...route.furtherLimits];
    assert.deepEqual(
      all.map((limit) => [limit?.limit, limit?.periodMs, limit?.key.kind, limit?.headers]),
      [
        [1, 1_000, 'header', false],
        [9, 60_000, 'route', false],
      ],
    );
    assert.equal(routeOf({ RateLimitOptions: { Rules, EnableRateLimiting: false } }).rateLimit, undefined);
  });

  it('are checked each for itself', () => {
    const problems = problemsOf({
      Routes: [
        {
          ...ROUTE,
          RateLimitOptions: { Rules: [{ Limit: 1 }, { Limit: 1, Period: '1s', KeyBy: 'Claim:sub' }] },
        },
        {
          ...ROUTE,
          UpstreamPathTemplate: '/p',
          RateLimitOptions: { Limit: 1, Period: '1s', Rules: [{ Limit: 1, Period: '1s' }] },
        },
      ],
    });
    assert.match(problems.join('\n'), /^Routes\[0\]\.RateLimitOptions\.Rules\[0\]\.Period: .* is empty$/m);
    assert.match(
      problems.join('\n'),
      /^Routes\[0\]\.RateLimitOptions\.KeyBy: a claim needs an authenticated route/m,
    );
    assert.match(problems.join('\n'), /^Routes\[1\]\.RateLimitOptions\.Rules: has the same limit twice$/m);
  });
});
