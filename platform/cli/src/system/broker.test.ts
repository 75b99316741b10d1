import assert from 'node:assert/strict';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { brokerAddress, claimOnBroker, findOnBroker } from '@flotilla/messaging/rabbitmq/ownership';
import {
  createTestVhost,
  leaveMessage,
  skipWithoutRabbitmq,
  type TestVhost,
} from '@flotilla/messaging/rabbitmq/testing';
import { type Env, flotilla, up, withDataDir } from '../../test/cli.ts';

describe('on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  let vhost: TestVhost;
  let env: Env;
  before(async () => {
    vhost = await createTestVhost();
    env = { RABBITMQ_URL: vhost.url };
  });
  after(() => vhost?.close());

  const only = ['--isolated', '--only', 'stock'];
  const refusedStart = async (dataDir: string, given: Env = env) => {
    const { code, out } = await flotilla(['up', ...only, '--data-dir', dataDir], given);
    assert.equal(code, 1, out);
    return out;
  };
  const reset = (dataDir: string, given: Env = env) =>
    flotilla(['down', '--reset', '--yes', '--data-dir', dataDir], given);
  const found = () =>
    findOnBroker({ url: vhost.url, systemId: 'f'.repeat(32), queues: ['stock', 'billing'], types: [] });
  const messages = async () => (await found()).queues.reduce((sum, queue) => sum + queue.messages, 0);

  it('a virtual host is used by one system, and its reset deletes what that left there', () =>
    withDataDir((dataDir) =>
      withDataDir(async (second) => {
        const first = await up(dataDir, only, env);
        await leaveMessage(vhost, 'stock');
        const other = await refusedStart(second);
        assert.match(other, /belongs to another system .* name another one in RABBITMQ_URL/);
        assert.doesNotMatch(other, new RegExp(new URL(vhost.url).password || 'guest:guest'));
        const nothing = await reset(second);
        assert.equal(nothing.code, 0, nothing.out);
        assert.doesNotMatch(nothing.out, /queues/);
        assert.equal(await messages(), 1);

        first.process.kill('SIGTERM');
        await first.exited;
        const again = await up(dataDir, only, env);
        again.process.kill('SIGKILL');
        await again.exited;

        const mark = join(dataDir, 'flotilla.json');
        const noted = await readFile(mark, 'utf8');
        await writeFile(mark, noted.replace(/"brokers": \[/, '"brokers": ["amqp://127.0.0.1:1/", '));
        const away = await reset(dataDir);
        assert.equal(away.code, 1);
        assert.match(
          away.out,
          /127\.0\.0\.1:1\/ does not answer, and there are queues of this system: .* reset again/,
        );
        await access(join(dataDir, 'secrets.json'));
        assert.equal(await messages(), 1);
        await writeFile(mark, noted);

        const { code, out } = await reset(dataDir);
        assert.equal(code, 0, out);
        assert.match(out, /on amqp:\/\/\S+ 6 queues with 1 messages, and the exchanges/);
        await assert.rejects(access(dataDir), { code: 'ENOENT' });
        assert.deepEqual(await found(), { owner: undefined, queues: [] });
      }),
    ));

  it('queues of an unknown system are refused, and adopted by the one that used them before', () =>
    withDataDir((dataDir) =>
      withDataDir(async (older) => {
        await leaveMessage(vhost, 'stock');
        const out = await refusedStart(dataDir);
        assert.match(out, /nothing that says whose they are: their old messages would reach this system/);
        assert.equal(await refusedStart(dataDir), out, 'also when it is tried again');
        assert.equal((await found()).owner, undefined);

        const mark = {
          madeBy: 'flotilla up',
          systemId: 'e'.repeat(32),
          servers: [],
          brokers: [brokerAddress(vhost.url)],
        };
        await writeFile(join(older, 'flotilla.json'), JSON.stringify(mark));
        const unmarked = await reset(older);
        assert.match(unmarked.out, /not the 6 queues on amqp:\S+, which do not say whose they are/);
        assert.equal(await messages(), 1, 'nothing is deleted that is not ours for certain');

        await mkdir(older);
        await writeFile(join(older, 'flotilla.json'), JSON.stringify(mark));
        const system = await up(older, only, env);
        system.process.kill('SIGTERM');
        await system.exited;
        assert.equal(await messages(), 1);
        assert.equal((await reset(older)).code, 0);
        assert.deepEqual(await found(), { owner: undefined, queues: [] });
      }),
    ));

  it('queues of an unknown system go to the one that was handed them', () =>
    withDataDir(async (dataDir) => {
      await leaveMessage(vhost, 'stock');
      const [, systemId = ''] =
        /"alternate-exchange":"([0-9a-f]{32})"/.exec(await refusedStart(dataDir)) ?? [];
      assert.equal(await claimOnBroker({ url: vhost.url, systemId, queues: [], types: [] }), systemId);
      const system = await up(dataDir, only, env);
      system.process.kill('SIGTERM');
      await system.exited;
      assert.equal(await messages(), 1);
      assert.equal((await reset(dataDir)).code, 0);
      assert.equal((await found()).queues.length, 0);
    }));
});
