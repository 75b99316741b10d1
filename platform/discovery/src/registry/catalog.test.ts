import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCatalog } from './catalog.ts';
import { parseGoDuration } from './go-duration.ts';
import { parseServiceDefinition } from './service-definition.ts';

function definition(body: object) {
  const parsed = parseServiceDefinition(body);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe('the catalog', () => {
  it('removes an instance that was critical for longer than it asked, at least a minute', () => {
    const catalog = createCatalog(1, () => undefined);
    const check = { TTL: '10s', Status: 'passing', DeregisterCriticalServiceAfter: '1s' };
    catalog.register(definition({ Name: 'a', Check: check }), 0);
    catalog.expire(9_999);
    catalog.reap(1_000_000);
    assert.equal(catalog.instances('a').length, 1, 'it is passing');
    catalog.expire(10_000);
    catalog.report('a', 'service:a', 'critical', 'again', 40_000);
    catalog.reap(70_000);
    assert.equal(catalog.instances('a').length, 1);
    catalog.reap(70_001);
    assert.equal(catalog.instances('a').length, 0, 'the clock starts at the first critical');
  });

  it('does not remove what became healthy again', () => {
    const catalog = createCatalog(1, () => undefined);
    const check = { TTL: '1h', DeregisterCriticalServiceAfter: '1m' };
    catalog.register(definition({ Name: 'a', Check: check }), 0);
    catalog.report('a', 'service:a', 'passing', '', 59_000);
    catalog.reap(120_000);
    assert.equal(catalog.instances('a').length, 1);
  });

  it('moves an instance that registers under another name, and tells both services', () => {
    const changes: string[] = [];
    const catalog = createCatalog(1, (service) => changes.push(service));
    catalog.register(definition({ ID: 'x', Name: 'a' }), 0);
    catalog.register(definition({ ID: 'x', Name: 'b' }), 0);
    assert.deepEqual([catalog.instances('a').length, catalog.instances('b').length], [0, 1]);
    assert.deepEqual(changes, ['a', 'a', 'b']);
  });

  it('numbers several checks of one service', () => {
    const { checks } = definition({ ID: 'x', Name: 'a', Checks: [{ TTL: '1s' }, { TTL: '2s' }] });
    assert.deepEqual(
      checks.map((check) => check.id),
      ['service:x:1', 'service:x:2'],
    );
  });
});

describe('durations as Go writes them', () => {
  it('are read with all units, fractions and compounds, or as nanoseconds', () => {
    for (const [text, ms] of [
      ['1m30s', 90_000],
      ['1.500s', 1_500],
      ['250ms', 250],
      ['1h0m0s', 3_600_000],
      ['10us', 0.01],
      [5e9, 5_000],
      ['0', 0],
    ] as const)
      assert.equal(parseGoDuration(text), ms, String(text));
    for (const text of ['', '5', 's', '1x', '-1s', '1s ', null, -1])
      assert.equal(parseGoDuration(text), undefined, String(text));
  });
});
