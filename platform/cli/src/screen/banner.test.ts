import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineSystem } from '../config.ts';
import { type BannerFacts, banner } from './banner.ts';

const system = defineSystem({
  name: 'shop',
  services: { edge: { entry: 'main.ts', port: 80 } },
  welcome: ({ edge = '' }) => ({
    links: Object.fromEntries(['A', 'Long name', 'C', 'D', 'E', 'F', 'G'].map((name) => [name, edge])),
    tryIt: `curl ${edge}/orders`,
  }),
});
const facts: BannerFacts = {
  system,
  urls: { edge: 'http://127.0.0.1:8080' },
  demo: true,
  seconds: 2.345,
  rabbitmq: undefined,
  failed: [],
  server: undefined,
  logFolder: '/shop/.flotilla/logs',
  cwd: '/shop',
  env: {},
  dataDir: undefined,
  inBackground: false,
};

describe('the banner', () => {
  it('has at most ten lines, among them one that can be pasted as it is', async () => {
    const lines = await banner(facts);
    assert.ok(lines.length <= 10, lines.join('\n'));
    assert.equal(lines[0], 'shop is running, ready in 2.3 s');
    assert.ok(lines.includes('curl http://127.0.0.1:8080/orders'));
    assert.match(lines.at(-1) ?? '', /files in \.flotilla\/logs/);
  });

  it('offers nothing to try without the demo data it needs', async () => {
    assert.equal(
      (await banner({ ...facts, demo: false })).some((line) => line.startsWith('curl')),
      false,
    );
  });

  it('says when the bus is another one', async () => {
    const [first] = await banner({ ...facts, rabbitmq: 'broker:5672' });
    assert.equal(first, 'shop is running on RabbitMQ (broker:5672), ready in 2.3 s');
  });

  it('names the server, and what somebody must know who begins', async () => {
    const noting = defineSystem({
      ...system,
      welcome: (_, { demo }) => ({ links: {}, notes: demo ? [] : ['It is empty.'] }),
    });
    const lines = await banner({
      ...facts,
      system: noting,
      server: 'db:5432',
      rabbitmq: 'broker:5672',
      demo: false,
    });
    assert.equal(
      lines[0],
      'shop is running on PostgreSQL (db:5432) and RabbitMQ (broker:5672), ready in 2.3 s',
    );
    assert.equal(lines[1], 'It is empty.');
  });

  it('prints commands that work as they are, wherever the data are', async () => {
    const last = (await banner({ ...facts, dataDir: "/tmp/it's here" })).at(-1) ?? '';
    assert.match(
      last,
      /npx flotilla ps --data-dir '\/tmp\/it'\\''s here', npx flotilla logs -f --data-dir '/,
    );
    const background = (await banner({ ...facts, dataDir: 'x', inBackground: true })).at(-1) ?? '';
    assert.match(background, /npx flotilla down --data-dir x$/);
    assert.doesNotMatch(background, /Ctrl-C/);
  });

  it('gives notes the command lines that work here', async () => {
    const noting = defineSystem({
      ...system,
      welcome: async (_, { command }) => ({ links: {}, notes: [command('run', 'edge', 'a b')] }),
    });
    const lines = await banner({ ...facts, system: noting, dataDir: 'x' });
    assert.ok(lines.includes("npx flotilla run edge 'a b' --data-dir x"), lines.join('\n'));
  });

  it('says what is missing', async () => {
    assert.match((await banner({ ...facts, failed: ['stock'] }))[0] ?? '', /is running without stock/);
  });
});
