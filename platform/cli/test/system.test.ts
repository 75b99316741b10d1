import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import type { InstanceStatus } from '../src/control/client.ts';
import { BIN, type Env, environment, FIXTURE, flotilla, type Running, up, withDataDir } from './cli.ts';
import { assertGone, query } from './processes.ts';

describe('a running system', () => {
  let dataDir: string;
  let system: Running;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'flotilla-cli-'));
    system = await up(dataDir, ['--isolated'], {
      LEAKED: 'hunter2',
      FIXTURE_BILLING: 'connects',
      FLOTILLA_SILENCE_MS: '8000',
    });
  });
  after(async () => {
    system.process.kill('SIGTERM');
    await system.exited;
    await rm(dataDir, { recursive: true });
  });

  const run = (...args: string[]) => flotilla([...args, '--data-dir', dataDir]);
  const uriOf = async (service: string) => (await run('db', 'uri', service)).out.trim();
  const instance = async (name: string) => {
    const found = (await system.ps()).find((one) => one.instance === name);
    assert.ok(found, name);
    return found;
  };
  const isRunning = async (name: string) => (await instance(name)).state === 'Running';

  it('lists its processes', async () => {
    const instances: readonly InstanceStatus[] = JSON.parse((await run('ps', '--json')).out);
    assert.deepEqual(
      instances.map((one) => [one.service, one.instance, one.state, one.restarts]),
      [
        ['postgres', 'postgres-1', 'Running', 0],
        ['accounts', 'accounts-1', 'Running', 0],
        ['stock', 'stock-1', 'Running', 0],
        ['stock', 'stock-2', 'Running', 0],
        ['billing', 'billing-1', 'Running', 0],
        ['edge', 'edge-1', 'Running', 0],
        ['registry', 'registry', 'Running', 0],
      ],
    );
    for (const one of instances.slice(0, -1)) assert.ok((one.rssBytes ?? 0) > 1_000_000, one.instance);
    const address = /^CONSUL_HTTP_ADDR=(.*)$/m.exec((await run('registry', 'env')).out)?.[1];
    assert.equal(instances.at(-1)?.url, address, 'the registry is no process of its own, and has an address');
    assert.match((await run('ps')).out, /^SERVICE +INSTANCE +PID[\s\S]*stock +stock-2 +\d+ +Running/);
  });

  it('shows where it is reached and one line to try', () => {
    const lines = system.output().split('\n');
    const banner = lines.slice(lines.findIndex((line) => line.startsWith('fixture is running')));
    assert.ok(banner.length <= 11, banner.join('\n'));
    assert.match(system.output(), /Edge +(http:\/\/127\.0\.0\.1:\d+)\n[\s\S]*curl \1\//);
  });

  it('refuses a second one on the same data, and a busy port', async () => {
    const second = await run('up', '--isolated');
    assert.equal(second.code, 1);
    assert.match(second.out, new RegExp(`already running in ${dataDir} \\(process ${system.process.pid}\\)`));
    const port = new URL((await instance('edge-1')).url ?? '').port;
    const same = await run('up', '--port', port);
    assert.match(same.out, /already running/, 'rather than that its port is taken');
    const busy = await flotilla(['up', '--port', port, '--data-dir', `${dataDir}-other`]);
    assert.equal(busy.code, 1);
    assert.match(busy.out, new RegExp(`port ${port} for edge is in use; port \\d+ is free`));
  });

  it('starts a crashed service again', async () => {
    const before = await instance('billing-1');
    await fetch(before.url ?? '', { method: 'POST' }).catch(() => undefined);
    await eventually(
      'it is back',
      async () => (await instance('billing-1')).restarts === 1 && (await isRunning('billing-1')),
    );
    assert.notEqual((await instance('billing-1')).pid, before.pid);
    assert.match(system.output(), /billing-1 ended \(exit code 1\); it starts again in 0\.2 s/);
  });

  it('starts a killed PostgreSQL again where the services look for it, with every committed row', async () => {
    const uri = await uriOf('stock');
    await query(uri, "INSERT INTO note VALUES ('kept')");
    process.kill((await instance('postgres-1')).pid ?? 0, 'SIGKILL');
    await eventually(
      'it is back',
      async () => (await instance('postgres-1')).restarts === 1 && (await isRunning('postgres-1')),
    );
    assert.equal(await uriOf('stock'), uri);
    assert.deepEqual(await query(uri, 'SELECT text FROM note'), [{ text: 'kept' }]);
  });

  it('replaces a service that hangs', async () => {
    const { pid, restarts } = await instance('stock-1');
    process.kill(pid ?? 0, 'SIGSTOP');
    await eventually(
      'it is replaced',
      async () => (await instance('stock-1')).restarts === restarts + 1 && (await isRunning('stock-1')),
    );
    assert.notEqual((await instance('stock-1')).pid, pid);
    assert.match(system.output(), /stock-1 ended \(did not answer for 8 s\); it starts again/);
  });

  it('brings back what cannot start while PostgreSQL is away when that is there again', async () => {
    const { pid, restarts } = await instance('billing-1');
    assert.equal((await run('stop', 'postgres')).code, 0);
    process.kill(pid ?? 0, 'SIGKILL');
    await eventually(
      'it was tried more often than a loop is',
      async () => (await instance('billing-1')).restarts > restarts + 5,
    );
    assert.equal((await run('start', 'postgres')).code, 0);
    await eventually('it runs', () => isRunning('billing-1'));
    assert.doesNotMatch(system.output(), /billing-1 does not stay up/);
  });

  it('stops, starts and restarts a service with all its processes', async () => {
    const stopped = await run('stop', 'stock', '--json');
    assert.equal(stopped.code, 0, stopped.out);
    const states = (JSON.parse(stopped.out) as InstanceStatus[]).map(({ state, pid }) => [state, pid]);
    assert.deepEqual(states, [
      ['Stopped', null],
      ['Stopped', null],
    ]);
    assert.equal((await run('stop', 'stock')).code, 0);
    assert.equal((await run('start', 'stock')).code, 0);
    const { pid } = await instance('stock-2');
    assert.equal((await run('restart', 'stock', '--crash-point', 'fixture.before-start:2')).code, 0);
    assert.notEqual((await instance('stock-2')).pid, pid);
    assert.match((await run('logs', 'stock', '-n', '1')).out, /"crashPoint":"fixture.before-start:2"/);
  });

  it('takes several services at once, and none of them when one is unknown', async () => {
    const before = await system.ps();
    const edge = before.find(({ service }) => service === 'edge');
    assert.equal(edge?.ready, true, 'it is asked where its health is, and not as a user');
    const wrong = await run('restart', 'stock', 'biling');
    assert.deepEqual(
      [wrong.code, wrong.out.split(' There')[0]],
      [1, 'flotilla: there is no service biling: did you mean billing?'],
    );
    const unknown = await run('restart', 'stock', '--crash-point', 'fixture.before-strat');
    assert.equal(unknown.code, 2);
    assert.match(unknown.out, /no crash point fixture\.before-strat: did you mean fixture\.before-start\?/);
    const pids = (rows: readonly InstanceStatus[]) => rows.map(({ pid }) => pid);
    assert.deepEqual(pids(await system.ps()), pids(before));
    const restarted = await run('restart', 'billing', 'accounts', '--json');
    const rows = JSON.parse(restarted.out) as InstanceStatus[];
    assert.deepEqual(
      rows.map(({ service, state, ready }) => [service, state, ready]),
      [
        ['billing', 'Running', true],
        ['accounts', 'Running', true],
      ],
    );
    for (const { uptimeSeconds } of rows) assert.ok(uptimeSeconds !== null && uptimeSeconds >= 0);
  });

  it('hands out connection strings', async () => {
    const { uri } = JSON.parse((await run('db', 'uri', 'billing', '--json')).out);
    assert.deepEqual(await query(uri, 'SELECT current_user AS me'), [{ me: 'billing' }]);
    const foreign = new URL(uri);
    foreign.pathname = '/stock';
    await assert.rejects(query(foreign.href, 'SELECT 1'), /permission denied for database/);
    const owner = (await run('db', 'uri', 'billing', '--admin')).out.trim();
    assert.deepEqual(await query(owner, 'SELECT current_user AS me'), [{ me: 'postgres' }]);
    const bus = await uriOf('bus');
    assert.deepEqual(await query(bus, 'SELECT current_user AS me FROM note'), []);
    assert.deepEqual(await query(bus, 'SELECT current_user AS me'), [{ me: 'bus-reader' }]);
    await assert.rejects(query(bus, "INSERT INTO note VALUES ('forged')"), /permission denied/);
    await query((await run('db', 'uri', 'bus', '--admin')).out.trim(), "INSERT INTO note VALUES ('mended')");
    const unknown = await run('db', 'uri', 'edge');
    assert.deepEqual(
      [unknown.code, unknown.out],
      [1, 'flotilla: edge has no database; there are accounts, stock, billing, bus, postgres\n'],
    );
    const sagas = await run('saga', 'list', 'billing');
    assert.deepEqual([sagas.code, sagas.out], [1, 'flotilla: billing runs no sagas\n']);
  });

  it('runs a task as its service, on the terminal of who asks, and passes on how it ended', async () => {
    // A crash point is armed for the processes of the service alone, from one start to the next.
    const { FLOTILLA_CRASH_POINT: _, ...told } = (await (
      await fetch((await instance('stock-1')).url ?? '')
    ).json()) as Env;
    const ask = (...args: string[]) => {
      const words = [BIN, 'run', 'stock', 'show', '--data-dir', dataDir, ...args];
      const child = spawn(process.execPath, words, { cwd: join(FIXTURE, 'migrations'), env: environment() });
      child.stdin.end('typed');
      return Promise.all([text(child.stdout), once(child, 'exit')]);
    };
    const [shown, ended] = await ask('0', '--', '--all', 'a b');
    const { env, ...given } = JSON.parse(shown) as { env: Env };
    assert.deepEqual(ended, [0, null]);
    assert.deepEqual(given, { args: ['--all', 'a b'], input: 'typed', cwd: join(FIXTURE, 'migrations') });
    assert.deepEqual(env, { ...told, INSTANCE_ID: 'stock-show' });
    assert.deepEqual((await ask('7'))[1], [7, null]);
    assert.deepEqual((await ask('killed'))[1], [137, null]);

    assert.match((await run('run')).out, /^ +stock show +shows what it was given$/m);
    assert.match((await run('run', 'billing')).out, /billing has no tasks/);
    assert.match((await flotilla(['run', '--help'])).out, /stock show +shows what it was given/);
    for (const [words, code, said] of [
      [['run', 'stok', 'show'], 'CLI_UNKNOWN_SERVICE', 'there is no service stok: did you mean stock?'],
      [['run', 'stock', 'shwo'], 'CLI_NOT_FOUND', 'stock: there is no task shwo: did you mean show?'],
      [['run', 'edge', 'show'], 'CLI_NOT_FOUND', 'edge: there is no task show; there are none'],
    ] as const) {
      const refused = await run(...words, '--json');
      const error = JSON.parse(refused.out) as { code: string; message: string };
      assert.deepEqual([refused.code, error.code, error.message.split(' There')[0]], [1, code, said]);
    }
    assert.equal((await flotilla(['run', 'stock', 'show', '--data-dir', `${dataDir}-none`])).code, 7);
  });

  it('shows dead letters, hands them out again and forgets them, on the record', async () => {
    const admin = (await run('db', 'uri', 'billing', '--admin')).out.trim();
    assert.match((await run('dlq', 'list')).out, /^No message was given up\.$/m);
    for (const key of ['one', 'two', 'three'])
      await query(
        admin,
        `SELECT inbox_bury('billing', gen_random_uuid(), '${key}', 'test.sent.v1', '{"n":1}', now(), NULL, 'no such ${key}',
           NULL, 'Error: broken', 0)`,
      );
    const listed = await run('dlq', 'list');
    assert.match(listed.out, /billing +1 .*test\.sent\.v1 +one .*no such one/);
    assert.match((await run('dlq', 'show', 'billing', '2')).out, /Error: broken/);
    assert.equal((await run('dlq', 'show', 'billing', '99')).code, 1);
    assert.match((await run('dlq', 'list', 'stock')).out, /stock consumes no messages/);

    const unexplained = await run('dlq', 'redrive', 'billing', '1');
    assert.equal(unexplained.code, 2);
    assert.match(unexplained.out, /--reason/);
    assert.equal(
      (await run('dlq', 'discard', 'billing', '--reason', 'r')).code,
      2,
      'which ones was not said',
    );
    const why = ['--by', 'olga', '--reason', 'fixed'];
    assert.match((await run('dlq', 'redrive', 'billing', '1', ...why)).out, /1 message handed to billing/);
    assert.match((await run('dlq', 'discard', 'billing', '--key', 'two', ...why)).out, /1 message forgotten/);
    const rest = await run('dlq', 'discard', 'billing', '--all', '--json', ...why);
    assert.deepEqual(JSON.parse(rest.out), { count: 1 });
    const audit = await query(admin, 'SELECT actor, action, reason, key FROM inbox_audit ORDER BY id');
    assert.deepEqual(
      audit.map(({ actor, action, reason, key }) => [actor, action, reason, key].join(' ')),
      ['olga redrive fixed one', 'olga discard fixed two', 'olga discard fixed three'],
    );
  });

  it('shows logs, and follows them', async () => {
    assert.match((await run('logs')).out, /"service":"accounts".*"msg":"starting"/);
    assert.match((await run('logs', 'postgres')).out, /database system is ready/);
    assert.equal((await run('logs', 'nobody')).code, 1);
    const follower = spawn(process.execPath, [BIN, 'logs', 'edge', '-f', '-n', '0', '--data-dir', dataDir], {
      cwd: FIXTURE,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    follower.stdout.on('data', (chunk: Buffer) => (seen += chunk));
    await eventually('the restart is seen', async () => {
      if (seen.includes('"msg":"starting"')) return true;
      await run('restart', 'edge');
      return false;
    });
    assert.doesNotMatch(seen, /"service":"accounts"/);
    follower.kill('SIGINT');
    assert.deepEqual(await once(follower, 'exit'), [0, null]);
  });

  it('lets each service and the operator write to the registry, and nobody else', async () => {
    const printed = Object.fromEntries(
      (await run('registry', 'env')).out
        .trim()
        .split('\n')
        .map((line) => /^([A-Z_]+)=(.*)$/.exec(line)?.slice(1) ?? []),
    );
    assert.deepEqual(JSON.parse((await run('registry', 'env', '--json')).out), printed);
    const told = (await (await fetch((await instance('stock-1')).url ?? '')).json()) as Env;
    assert.equal(printed['CONSUL_HTTP_ADDR'], told['REGISTRY_URL']);
    const register = async (service: string, id: string, token?: string) => {
      const response = await fetch(`${printed['CONSUL_HTTP_ADDR']}/v1/agent/service/register`, {
        method: 'PUT',
        headers: token === undefined ? {} : { 'x-consul-token': token },
        body: JSON.stringify({ Name: service, ID: id, Address: '127.0.0.1', Port: 4001 }),
      });
      return response.status;
    };
    assert.equal(await register('accounts', 'rogue'), 403);
    assert.equal(await register('accounts', 'rogue', told['CONSUL_HTTP_TOKEN']), 403);
    assert.equal(await register('stock', 'stock-2', told['CONSUL_HTTP_TOKEN']), 200);
    assert.equal(await register('accounts', 'accounts-9', printed['CONSUL_HTTP_TOKEN']), 200);
    assert.equal((await run('registry', 'list')).code, 2);
  });

  it('takes a process out of the registry when it ends, so that nobody can pose as it on its port', async () => {
    const { url, pid } = await instance('stock-2');
    const told = (await (await fetch(url ?? '')).json()) as Env;
    const listed = async () => {
      const answer = await fetch(`${told['REGISTRY_URL']}/v1/health/service/stock`);
      return ((await answer.json()) as { Service: { ID: string } }[]).map(({ Service }) => Service.ID);
    };
    await fetch(`${told['REGISTRY_URL']}/v1/agent/service/register`, {
      method: 'PUT',
      headers: { 'x-consul-token': told['CONSUL_HTTP_TOKEN'] ?? '' },
      body: JSON.stringify({ Name: 'stock', ID: 'stock-2', Address: '127.0.0.1', Port: 4001 }),
    });
    assert.deepEqual(await listed(), ['stock-2']);
    process.kill(pid ?? 0, 'SIGKILL');
    await eventually('it has left', async () => (await listed()).length === 0);
    await eventually('it is back', () => isRunning('stock-2'));
  });

  it('starts no process with a secret in what others can look at', async () => {
    const { url, pid } = await instance('stock-1');
    const env = (await (await fetch(url ?? '')).json()) as Env;
    const shown = await readFile(`/proc/${pid}/environ`, 'utf8');
    assert.match(shown, /SERVICE_NAME=stock/);
    const secrets = ['SERVICE_SECRET', 'DATABASE_URL', 'BUS_URL', 'CONSUL_HTTP_TOKEN'].map(
      (name) => env[name] ?? '',
    );
    for (const secret of [...secrets, ...secrets.slice(1, 3).map((uri) => new URL(uri).password)]) {
      assert.ok(secret.length > 15);
      assert.equal(shown.includes(secret), false);
    }
  });

  it('gives each service its own environment', async () => {
    const { url } = await instance('stock-1');
    const env = (await (await fetch(url ?? '')).json()) as Env;
    assert.equal(env['SERVICE_NAME'], 'stock');
    assert.equal(env['FLOTILLA_DEMO'], '1');
    assert.match(env['ISSUER'] ?? '', /^http:\/\/127\.0\.0\.1:\d+\/identity$/);
    assert.ok(env['REGISTRY_URL'] && env['SERVICE_SECRET'] && env['BUS_URL']);
    assert.equal(env['SHARED_KEY'], undefined);
    assert.equal(env['LEAKED'], undefined, 'what nobody asked for stays with the user');
    const { NODE_COMPILE_CACHE = join(dataDir, 'compile-cache') } = process.env;
    assert.equal(env['NODE_COMPILE_CACHE'], NODE_COMPILE_CACHE, 'that of the supervisor, if it has one');
  });
});

describe('the end of a system', () => {
  it('comes in order: first what others do not need, PostgreSQL last', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir);
      const instances = await system.ps();
      system.process.kill('SIGINT');
      assert.equal(await system.exited, 0);
      const stopped = [...system.output().matchAll(/^(\S+) has stopped$/gm)].map(([, name]) => name);
      assert.equal(stopped[0], 'edge-1');
      assert.equal(stopped.at(-1), 'postgres-1');
      assert.equal(stopped.length, 6);
      await assertGone(instances);
      assert.equal((await flotilla(['ps', '--data-dir', dataDir])).code, 7);
    }));

  it('comes at once when it is asked for twice', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir, ['--isolated'], { FIXTURE_STOCK: 'stubborn' });
      const instances = await system.ps();
      system.process.kill('SIGINT');
      await eventually('it waits for the stubborn one', () =>
        system.output().includes('accounts-1 has stopped'),
      );
      system.process.kill('SIGINT');
      assert.equal(await system.exited, 130);
      await assertGone(instances);
    }));

  it('leaves nothing behind, even when the supervisor is killed, and the next run finds all data and secrets', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir);
      const instances = await system.ps();
      const uri = (await flotilla(['db', 'uri', 'stock', '--data-dir', dataDir])).out.trim();
      await query(uri, "INSERT INTO note VALUES ('kept')");
      system.process.kill('SIGKILL');
      await assertGone(instances);
      const next = await up(dataDir);
      const after = new URL((await flotilla(['db', 'uri', 'stock', '--data-dir', dataDir])).out.trim());
      assert.equal(after.password, new URL(uri).password);
      assert.deepEqual(await query(after.href, 'SELECT text FROM note'), [{ text: 'kept' }]);
      assert.deepEqual(await flotilla(['down', '--data-dir', dataDir]), { code: 0, out: 'Stopped.\n' });
      assert.equal(await next.exited, 0);
      assert.equal((await flotilla(['down', '--data-dir', dataDir])).code, 7);
      const unsure = await flotilla(['down', '--reset', '--data-dir', dataDir]);
      assert.equal(unsure.code, 2);
      assert.match(unsure.out, /say --yes to mean it\. This deletes:\n {2}the embedded PostgreSQL in /);
      await access(join(dataDir, 'postgres', 'data', 'PG_VERSION'));
      assert.equal((await flotilla(['down', '--reset', '--yes', '--data-dir', dataDir])).code, 0);
      await assert.rejects(access(dataDir), { code: 'ENOENT' });
      const nothing = await flotilla(['down', '--reset', '--yes', '--data-dir', dataDir]);
      assert.deepEqual([nothing.code, nothing.out.includes('There is nothing in')], [0, true]);
    }));
});

describe('below an older Node that was replaced', () => {
  const launch = (args: readonly string[]) =>
    spawn(process.execPath, [BIN, ...args], {
      cwd: FIXTURE,
      env: { ...environment(), FLOTILLA_NODE_REPLACED: '1' },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });

  it('a command ends by itself', async () => {
    assert.deepEqual(await once(launch(['--help']), 'exit'), [0, null]);
  });

  it('the system ends when that one is killed', () =>
    withDataDir(async (dataDir) => {
      const child = launch(['up', '--isolated', '--only', 'edge', '--data-dir', dataDir]);
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => (output += chunk));
      await eventually('it is up', () => output.includes('Ctrl-C stops it'));
      child.disconnect();
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }));
});

describe('a service that does not start', () => {
  it('is given up with its last log lines, and the others run without it', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir, ['--isolated'], { FIXTURE_BILLING: 'fails:1' });
      assert.match(
        system.output(),
        /billing-1 does not stay up \(exit code 1\)[\s\S]*Its last \d+ log lines:[\s\S]*cannot start/,
      );
      assert.match(system.output(), /fixture is running without billing/);
      const states = new Map((await system.ps()).map(({ instance, state }) => [instance, state]));
      assert.equal(states.get('billing-1'), 'CrashLoop');
      assert.equal(states.get('edge-1'), 'Running');
      system.process.kill('SIGTERM');
      assert.equal(await system.exited, 0);
    }));

  it('is not tried again when its configuration is wrong', () =>
    withDataDir(async (dataDir) => {
      const system = await up(dataDir, ['--isolated', '--only', 'billing,edge'], {
        FIXTURE_BILLING: 'fails:78',
      });
      assert.match(system.output(), /billing-1 does not stay up \(exit code 78\)/);
      assert.doesNotMatch(system.output(), /starts again/);
      assert.deepEqual(
        (await system.ps()).map(({ service }) => service),
        ['postgres', 'billing', 'edge'],
      );
      system.process.kill('SIGTERM');
      assert.equal(await system.exited, 0);
    }));
});
