import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { readGatewayConfig } from './read-gateway-config.ts';
import { watchConfig } from './watch.ts';

const configFor = (path: string, global: object = {}) =>
  JSON.stringify({
    Routes: [
      {
        UpstreamPathTemplate: path,
        DownstreamPathTemplate: '/',
        DownstreamHostAndPorts: [{ Host: 'a', Port: 80 }],
      },
    ],
    GlobalConfiguration: global,
  });

const until = (condition: () => boolean) => eventually('it happened', condition, 60_000, 5);

describe('watching the configuration', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function start(path: string, config = configFor('/start')) {
    const seen: string[] = [];
    const invalid: string[] = [];
    const watching = watchConfig({
      path,
      config: readGatewayConfig(config),
      options: {},
      onConfig: ({ routes }, changes) => {
        seen.push(routes.map(({ name }) => name).join());
        assert.ok(changes.length > 0);
      },
      onInvalid: (problems) => invalid.push(...problems),
      pollMs: 50,
      settleMs: 20,
    });
    return { seen, invalid, [Symbol.asyncDispose]: () => watching.close() };
  }

  it('sees a file rewritten in place and replaced by rename', async () => {
    const path = join(folder, 'gateway.json');
    await writeFile(path, configFor('/a'));
    await using watching = await start(path, configFor('/a'));
    await writeFile(path, configFor('/b'));
    await until(() => watching.seen.at(-1) === '/b');
    await writeFile(join(folder, 'next'), configFor('/c'));
    await rename(join(folder, 'next'), path);
    await until(() => watching.seen.at(-1) === '/c');
    assert.deepEqual(watching.seen, ['/b', '/c']);
  });

  it('reports a file that is not valid once, keeps what is in force, and takes the next valid one', async () => {
    const path = join(folder, 'gateway.json');
    await writeFile(path, configFor('/a'));
    await using watching = await start(path, configFor('/a'));
    await writeFile(path, '{ "Routes": [');
    await until(() => watching.invalid.length > 0);
    await rm(path);
    await until(() => watching.invalid.length > 1);
    assert.deepEqual(watching.seen, []);
    assert.match(watching.invalid[0] ?? '', /not JSON/);
    assert.match(watching.invalid[1] ?? '', /cannot be read/);
    await writeFile(path, configFor('/b'));
    await until(() => watching.seen.length > 0);
    assert.deepEqual(watching.seen, ['/b']);
    assert.equal(watching.invalid.length, 2);
  });

  /** Another watcher that knows nothing yet: what it has seen, one that began before it has seen, too. */
  async function lookAround(path: string, expected: string): Promise<void> {
    await using other = await start(path);
    await until(() => other.seen.at(-1) === expected);
  }

  it('says nothing of a change without an effect', async () => {
    const path = join(folder, 'gateway.json');
    await writeFile(path, `${configFor('/a')}  // the same`);
    await using watching = await start(path, configFor('/a'));
    await lookAround(path, '/a');
    await writeFile(join(folder, 'other.json'), '{');
    await writeFile(path, configFor('/b'));
    await until(() => watching.seen.length > 0);
    assert.deepEqual(watching.seen, ['/b']);
    assert.deepEqual(watching.invalid, []);
  });

  it('compares with what came last', async () => {
    const path = join(folder, 'gateway.json');
    await writeFile(path, configFor('/b'));
    await using watching = await start(path, configFor('/a'));
    await until(() => watching.seen.at(-1) === '/b');
    await writeFile(path, configFor('/a'));
    await until(() => watching.seen.at(-1) === '/a');
  });

  it('stops with a configuration that says ReloadOnChange false', async () => {
    const path = join(folder, 'gateway.json');
    await writeFile(path, configFor('/b', { ReloadOnChange: false }));
    await using watching = await start(path);
    await until(() => watching.seen.length > 0);
    await writeFile(path, configFor('/c'));
    await lookAround(path, '/c');
    assert.deepEqual(watching.seen, ['/b']);
  });

  it('sees a changed, a new and a removed file of a folder', async () => {
    await writeFile(join(folder, 'ocelot.a.json'), configFor('/a'));
    await using watching = await start(folder, configFor('/a'));
    await writeFile(join(folder, 'ocelot.b.json'), configFor('/b'));
    await until(() => watching.seen.at(-1) === '/a,/b');
    await writeFile(join(folder, 'ocelot.a.json'), configFor('/c'));
    await until(() => watching.seen.at(-1) === '/c,/b');
    await rm(join(folder, 'ocelot.b.json'));
    await until(() => watching.seen.at(-1) === '/c');
  });
});
