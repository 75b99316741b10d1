import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAlarms } from './alarms.ts';
import { createCatalog } from './catalog.ts';
import { topic } from './topic.ts';
import { createTopics } from './topics.ts';

const never = new AbortController().signal;

function service(id: string, name: string) {
  const nothing = { tags: [], address: '', port: 1, meta: {}, taggedAddresses: {}, enableTagOverride: false };
  const weights = { Passing: 1, Warning: 1 };
  return {
    ...nothing,
    id,
    name,
    weights,
    kind: '',
    proxy: {},
    connect: {},
    socketPath: '',
    locality: undefined,
  };
}

function check(serviceId: string) {
  return { id: 'c', name: 'c', notes: '', type: 'ttl', interval: '', timeout: '', serviceId };
}

function world() {
  const alarms = createAlarms(() => 0);
  const topics = createTopics(1_000, alarms);
  const catalog = createCatalog(topics);
  catalog.putNode({ id: '', name: 'n', address: '', taggedAddresses: {}, meta: {} });
  return { alarms, topics, catalog };
}

describe('indexes', () => {
  it('grow with every change, and what changes nothing has none', () => {
    const { topics, catalog } = world();
    catalog.putService('n', service('a', 'web'));
    const index = topics.index([topic.health('web')]);
    catalog.putService('n', service('a', 'web'));
    assert.equal(topics.index([topic.health('web')]), index);
    catalog.putCheck('n', check('a'), 'passing', 'one');
    const checked = topics.index([topic.health('web')]);
    assert.ok(checked > index);
    assert.ok(topics.index([topic.service('web')]) < checked, 'a check is no part of the definition');
    catalog.putCheck('n', check('a'), 'passing', 'two');
    assert.equal(topics.index([topic.health('web')]), checked, 'an output alone wakes nobody');
    assert.equal(catalog.check('n', 'a', 'c')?.output, 'two');
  });

  it('of a service that moves to another name change for both', () => {
    const { topics, catalog } = world();
    catalog.putService('n', service('a', 'web'));
    const [web, shop] = [topics.index([topic.health('web')]), topics.index([topic.health('shop')])];
    catalog.putService('n', service('a', 'shop'));
    assert.ok(topics.index([topic.health('web')]) > web && topics.index([topic.health('shop')]) > shop);
    assert.deepEqual([catalog.instances('web').length, catalog.instances('SHOP').length], [0, 1]);
  });

  it('of every service on a node change with the health of the node', () => {
    const { topics, catalog } = world();
    catalog.putService('n', service('a', 'web'));
    catalog.putService('n', service('b', 'shop'));
    catalog.putCheck('n', check(''), 'critical', '');
    assert.equal(topics.index([topic.health('web')]), topics.last);
    assert.equal(topics.index([topic.health('shop')]), topics.last);
  });

  it('wake who waits once, and hold an index that is ahead', async () => {
    const { topics } = world();
    let woken = 0;
    const waits = [0, 1_000, 1_001].map((seen) =>
      topics.wait(['x'], seen, 1e9, never).then(() => (woken += 1)),
    );
    await waits[0];
    assert.equal(woken, 1, 'only who has not seen the current one');
    topics.changed(['y']);
    topics.changed(['x']);
    await Promise.all(waits);
    assert.equal(woken, 3);
  });

  it('never go back when topics are forgotten', () => {
    const { topics } = world();
    topics.changed(['first']);
    const first = topics.index(['first']);
    for (let number = 0; number < 100_001; number += 1) topics.changed([`topic ${number}`]);
    assert.ok(topics.index(['first']) >= first);
    assert.ok(topics.index(['unknown']) >= first, 'who asks for one that was forgotten is told of a change');
  });
});

describe('alarms', () => {
  it('ring once, when their time has come, however far the clock jumps', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const alarms = createAlarms(() => Date.now());
    const rung: string[] = [];
    alarms.after(100, () => rung.push('a'));
    alarms.after(100, () => rung.push('b')).cancel();
    alarms.after(10_000, () => rung.push('c'));
    t.mock.timers.tick(99);
    assert.deepEqual(rung, []);
    t.mock.timers.tick(100);
    assert.deepEqual(rung, ['a']);
    t.mock.timers.tick(20_000);
    assert.deepEqual(rung, ['a', 'c']);
    alarms.close();
  });

  it('wake the process up only when one rings, in their order, and ring later for what is added by a ring', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    let looks = 0;
    const alarms = createAlarms(() => {
      looks += 1;
      return Date.now();
    });
    t.after(alarms.close);
    const rung: string[] = [];
    alarms.after(60_000, () => rung.push('late'));
    alarms.after(5_000, () => {
      rung.push('early');
      alarms.after(0, () => rung.push('added'));
    });
    for (let renewed = 0; renewed < 10; renewed += 1) alarms.after(20_000, () => rung.push('never')).cancel();
    const before = looks;
    t.mock.timers.tick(4_900);
    assert.equal(looks, before);
    t.mock.timers.tick(100);
    assert.deepEqual(rung, ['early']);
    t.mock.timers.tick(100);
    assert.deepEqual(rung, ['early', 'added']);
    const between = looks;
    t.mock.timers.tick(54_000);
    assert.equal(looks, between);
    t.mock.timers.tick(1_000);
    assert.deepEqual(rung, ['early', 'added', 'late']);
  });

  it('that are further away than a timer can wait ring when their time has come', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const alarms = createAlarms(() => Date.now());
    t.after(alarms.close);
    let rung = 0;
    alarms.after(2 ** 31 + 10_000, () => {
      rung += 1;
    });
    t.mock.timers.tick(2 ** 31 - 1);
    assert.equal(rung, 0);
    t.mock.timers.tick(10_100);
    assert.equal(rung, 1);
  });
});
