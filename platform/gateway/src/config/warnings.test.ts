import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROUTE, read } from '../../test/config.ts';

describe('warnings', () => {
  const warningsOf = (input: object) => read(input).warnings;

  it('name unknown keys and what may have been meant', () => {
    assert.deepEqual(warningsOf({ Routes: [{ ...ROUTE, RateLimitOption: {}, Zzz: 1 }] }), [
      'Routes[0].RateLimitOption: unknown key, did you mean RateLimitOptions?',
      'Routes[0].Zzz: unknown key, ignored',
    ]);
  });

  it('name placeholders that nothing fills', () => {
    const route = { ...ROUTE, UpstreamPathTemplate: '/o/{id}', DownstreamPathTemplate: '/o/{ids}' };
    assert.deepEqual(warningsOf({ Routes: [route] }), [
      'Routes[0].DownstreamPathTemplate: {ids} has no value and is sent as written, did you mean {id}?',
    ]);
  });

  it('name routes whose claims nobody can have', () => {
    assert.deepEqual(warningsOf({ Routes: [{ ...ROUTE, RouteClaimsRequirement: { role: 'admin' } }] }), [
      'Routes[0]: its claims need AuthenticationOptions, every request is answered 403',
    ]);
  });

  it('name routes that can never be reached', () => {
    const at = (UpstreamPathTemplate: string, more: object = {}) => ({
      ...ROUTE,
      UpstreamPathTemplate,
      ...more,
    });
    const shadowed = (...Routes: readonly object[]) =>
      warningsOf({ Routes }).map((warning) =>
        /^(\S+): .* can never be reached, (\S+)/.exec(warning)?.slice(1).join(),
      );
    assert.deepEqual(shadowed(at('/a/{x}'), at('/a/b')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}')), []);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}', { Priority: 2 })), ['Routes[0],Routes[1]']);
    assert.deepEqual(shadowed(at('/{t}/x/{r}'), at('/{u}/x')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a', { UpstreamHttpMethod: ['GET'] }), at('/a/', {})), []);
    assert.deepEqual(shadowed(at('/a/'), at('/a')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/a'), at('/a/')), [], 'only the second takes the slash');
    assert.deepEqual(shadowed(at('/a/{x}', { UpstreamHost: 'h' }), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a/b'), at('/a/{x}', { UpstreamHost: 'h' })), []);
    const eu = { UpstreamHeaderTemplates: { region: 'eu' } };
    assert.deepEqual(shadowed(at('/a/{x}', eu), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a/{x}', eu), at('/a/b', eu)), ['Routes[1],Routes[0]']);
    assert.deepEqual(
      shadowed(at('/a/b', { UpstreamHost: 'h' }), at('/a/{x}', { UpstreamHost: 'h', Priority: 3 })),
      ['Routes[0],Routes[1]'],
    );
    assert.deepEqual(shadowed(at('/A/{x}', { RouteIsCaseSensitive: true }), at('/a/b')), []);
    assert.deepEqual(shadowed(at('/a?q={q}'), at('/a')), []);
    assert.deepEqual(shadowed(at('/a?{q}'), at('/a?x={x}')), ['Routes[1],Routes[0]']);
    assert.deepEqual(shadowed(at('/{x}'), at('/a')), [], 'the lone catch-all is always last');
  });
});
