import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { uuidv7 } from '@flotilla/kernel';
import { busMigrations, createPostgresTransport, type Transport } from '@flotilla/messaging';
import { createRabbitmqTransport } from '@flotilla/messaging/rabbitmq';
import { createTestVhost, skipWithoutRabbitmq, type TestVhost } from '@flotilla/messaging/rabbitmq/testing';
import { createTestDatabase, type TestDatabase } from '@flotilla/postgres/testing';
import { silent, startTestControl } from '../../test/control.ts';
import { runCommandLine } from '../command-line.ts';
import { dataDirAt } from '../data-dir/data-dir.ts';
import { changeMark } from '../data-dir/data-dir-mark.ts';
import { tellGoneQueues } from '../queues/gone-queues.ts';

/** Its services `stock` and `billing` use the bus; there was a `shipping` once. */
const FIXTURE = join(import.meta.dirname, '../../test/fixture');
const RETIRED = ['--reason', 'retired', '--by', 'mia'];

interface Bench {
  readonly folder: string;
  readonly bus: TestDatabase;
  readonly transport: Transport;
  close(): Promise<void>;
}

/** A data directory whose control socket leads to these queues. */
async function createBench(brokerUrl: string | null): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-queue-'));
  const bus = await createTestDatabase([busMigrations]);
  const control = await startTestControl(folder, {
    databaseUri: () => bus.uri,
    broker: () => ({ url: brokerUrl }),
  });
  await changeMark(dataDirAt(folder), () => ({ subscribers: ['billing', 'shipping', 'stock'] }));
  const transport =
    brokerUrl === null
      ? createPostgresTransport({ uri: bus.uri, ...silent })
      : createRabbitmqTransport({ url: brokerUrl, ...silent });
  return {
    ...{ folder, bus, transport },
    close: async () => {
      await transport.close();
      control.close();
      await bus.close();
      await rm(folder, { recursive: true });
    },
  };
}

function queueTests(bench: () => Bench): void {
  async function run(t: TestContext, ...args: string[]) {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    t.mock.method(console, 'log', write);
    t.mock.method(console, 'error', write);
    const argv = ['queue', ...args, '--data-dir', bench().folder];
    const code = await runCommandLine(argv, { cwd: FIXTURE, env: {} });
    t.mock.restoreAll();
    return { code, out: lines.join('\n') };
  }

  it('shows whose service is gone, at the start as well', async (t) => {
    const { folder, transport } = bench();
    await transport.subscribe('billing', ['test.sent.v1']);
    await transport.subscribe('shipping', ['test.sent.v1']);
    const message = { type: 'test.sent.v1', key: 'k', body: '{}', mandatory: false };
    for (let n = 0; n < 2; n += 1) await transport.publish([{ id: uuidv7(), ...message }]);
    const { code, out } = await run(t, 'list');
    assert.equal(code, 0, out);
    assert.match(out, /^billing +billing +2 .* 0 +idle$/m);
    assert.match(out, /^shipping +shipping +2 .* 0 +gone$/m);
    const asJson = JSON.parse((await run(t, 'list', '--json')).out);
    assert.deepEqual(
      asJson.map(({ queue, messages, state }: Record<string, unknown>) => [queue, messages, state]),
      [
        ['billing', 2, 'idle'],
        ['shipping', 2, 'gone'],
      ],
    );
    const said: string[] = [];
    const invocation = { values: { 'data-dir': folder }, positionals: [], cwd: FIXTURE, env: {} };
    await tellGoneQueues(invocation, (line) => said.push(line));
    assert.deepEqual(said, [
      'No such service is configured any more: queue shipping with 2 messages. See: flotilla queue list',
    ]);
  });

  it('drops nothing without a reason, without being sure, and nothing of a service that is configured', async (t) => {
    const unexplained = await run(t, 'drop', 'shipping', '--yes');
    assert.equal(unexplained.code, 2, unexplained.out);
    const unsure = await run(t, 'drop', 'shipping', ...RETIRED);
    assert.equal(unsure.code, 2, unsure.out);
    assert.match(unsure.out, /say --yes to mean it.*\n.*queue shipping with 2 messages/);
    const configured = await run(t, 'drop', 'billing', '--yes', ...RETIRED);
    assert.equal(configured.code, 1);
    assert.match(configured.out, /billing is in use: billing is configured/);
    const unknown = await run(t, 'drop', 'shiping', '--yes', ...RETIRED);
    assert.equal(unknown.code, 1);
    assert.match(unknown.out, /there is no queue shiping: did you mean shipping/);
    assert.equal(JSON.parse((await run(t, 'list', '--json')).out).length, 2);
  });

  it('drops one with all that waits, on the record', async (t) => {
    const dropped = await run(t, 'drop', 'shipping', '--yes', ...RETIRED);
    assert.equal(dropped.code, 0, dropped.out);
    assert.equal(dropped.out, 'Dropped shipping with 2 messages.');
    assert.doesNotMatch((await run(t, 'list')).out, /shipping/);
    const forced = await run(t, 'drop', 'billing', '--yes', '--force', '--json', ...RETIRED);
    assert.deepEqual(JSON.parse(forced.out), { queue: 'billing', messages: 2, isEstimate: false });
    assert.deepEqual(
      await bench().bus.db.query(
        'SELECT actor, action, reason, queue, messages::integer FROM bus.queue_audit ORDER BY id',
      ),
      [
        { actor: 'mia', action: 'drop', reason: 'retired', queue: 'shipping', messages: 2 },
        { actor: 'mia', action: 'drop-forced', reason: 'retired', queue: 'billing', messages: 2 },
      ],
    );
    assert.equal((await run(t, 'list')).out, 'There are no queues.');
  });
}

describe('flotilla queue', () => {
  let bench: Bench;
  before(async () => {
    bench = await createBench(null);
  });
  after(() => bench?.close());
  queueTests(() => bench);
});

describe('flotilla queue on RabbitMQ', { skip: skipWithoutRabbitmq() }, () => {
  let vhost: TestVhost;
  let bench: Bench;
  before(async () => {
    vhost = await createTestVhost();
    bench = await createBench(vhost.url);
  });
  after(async () => {
    await bench?.close();
    await vhost?.close();
  });
  queueTests(() => bench);
});
