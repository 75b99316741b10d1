import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectControl, dataDirAt, type InstanceStatus } from '@flotilla/cli';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase, type Database } from '@flotilla/postgres';
import {
  type Answer,
  type CallOptions,
  callShop,
  type OrderWish,
  orderBody,
  untilServed,
} from '../../demos/shop-client.ts';
import { ROOT } from '../source-files.ts';

const run = promisify(execFile);
/** Only tells a hang apart: other systems of the run start, crash and are checked on the same processors. */
export const PATIENCE_MS = 240_000;
/** Well below the five minutes that an access token lives: whoever asks for one may use it for a while. */
const TOKEN_KEPT_MS = 120_000;
const CLI = join(ROOT, 'platform/cli/bin/flotilla.js');

/** The whole system as a user starts it, with its own data, on free ports. */
export interface RunningSystem {
  readonly url: string;
  readonly dataDir: string;
  /** What it was started with besides this process's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly supervisor: ChildProcess;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Access token of a demo user: `alice`, `bob`, `carol`, `admin`. */
  token(user: string): Promise<string>;
  /** Access token of a new customer: whoever tries each operation also leaves the shop by one of them. */
  newcomer(): Promise<string>;
  /** The next token of each user is that of a new log-in: somebody may have signed them out. */
  forgetTokens(): void;
  cli(...args: string[]): Promise<string>;
  ps(): Promise<readonly InstanceStatus[]>;
  /** Stops a service and starts it again; `crashPoints`: where its processes kill themselves, one after the other. */
  restart(service: string, crashPoints?: string): Promise<void>;
  /** Resolves when it has stopped, or started. */
  change(service: string, action: 'stop' | 'start'): Promise<void>;
  /** Resolves when an instance of `service` is as wished; looks a few times a second. */
  awaitInstance(
    service: string,
    what: string,
    wished: (instance: InstanceStatus) => boolean,
  ): Promise<InstanceStatus>;
  /** As the owner of the tables. */
  databaseUri(service: string): Promise<string>;
  /** SIGKILLs a service's process (or `postgres`). */
  kill(service: string): Promise<void>;
  /** Runs SQL in the database of a service, as its owner. */
  sql(service: string, text: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** What `ORDER_FLOW` may be: every suite that runs orders runs them both ways. */
export const ORDER_FLOWS = ['orchestration', 'choreography'] as const;
export type OrderFlow = (typeof ORDER_FLOWS)[number];

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
}

/**
 * Starts the whole system and resolves when it is up; fails with its output as soon as it has ended, or after `PATIENCE_MS`.
 * It ends with this process, even when that is killed.
 */
export async function startSystem(options: StartOptions = {}): Promise<RunningSystem> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'flotilla-system-')));
  const removeData = async (): Promise<void> => {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  };
  const supervisor = spawn(process.execPath, [CLI, 'up', '--isolated', '--data-dir', dataDir], {
    cwd: ROOT,
    // As if started by an older Node: it stops by itself when the channel to this process breaks.
    env: { ...process.env, NO_COLOR: '1', FLOTILLA_NODE_REPLACED: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  supervisor.stdout?.on('data', collect);
  supervisor.stderr?.on('data', collect);
  const ended = new Promise<void>((resolve) => supervisor.once('exit', () => resolve()));

  const cli = async (...args: string[]): Promise<string> => {
    const command = [CLI, ...args, '--data-dir', dataDir];
    const env = { ...process.env, ...options.env };
    return (await run(process.execPath, command, { cwd: ROOT, env, maxBuffer: 64 * 2 ** 20 })).stdout;
  };
  // As the commands do, without a process for each question.
  const control = connectControl(dataDirAt(dataDir));

  const url = await eventually(
    'the system is up, or has ended',
    () => {
      if (supervisor.exitCode !== null || supervisor.signalCode !== null) return 'ended';
      return output.includes('curl ') && /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
    },
    PATIENCE_MS,
  ).catch(() => 'late');
  if (url === 'ended' || url === 'late') {
    supervisor.kill('SIGKILL');
    await ended;
    await removeData();
    throw new Error(
      `the system did not come up: it ${url === 'late' ? 'took too long' : 'ended'}\n${output}`,
    );
  }

  // The answer stays the same as long as the system runs.
  const databaseUri = remember((service) => control.databaseUri(service, true));
  const opened = new Set<Database>();
  const databaseOf = remember(async (service) => {
    const db = openDatabase(await databaseUri(service));
    opened.add(db);
    return db;
  });

  const tokens = new Map<string, { readonly token: Promise<string>; readonly until: number }>();
  const call = (method: string, path: string, callOptions: CallOptions = {}): Promise<Answer> =>
    callShop(url, method, path, callOptions);
  const logIn = async (user: string): Promise<string> => {
    const body = { email: `${user}@example.com`, password: `${user}-password` };
    const answer = await untilServed(() => call('POST', '/auth/login', { body }));
    if (answer.status !== 200)
      throw new Error(`login of ${user}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return String(answer.body.accessToken);
  };
  const signUp = async (): Promise<string> => {
    const user = `newcomer-${randomUUID()}`;
    const body = { email: `${user}@example.com`, password: `${user}-password`, name: 'A. Newcomer' };
    const { status } = await untilServed(() => call('POST', '/users', { body }));
    if (status !== 201) throw new Error(`sign-up of ${user}: ${status}`);
    return user;
  };

  return {
    url,
    dataDir,
    env: options.env ?? {},
    supervisor,
    call,
    cli,
    ps: control.instances,
    restart: async (service, crashPoints) => {
      await control.change(service, 'restart', crashPoints);
    },
    change: async (service, action) => {
      await control.change(service, action);
    },
    databaseUri,
    awaitInstance: (service, what, wished) =>
      eventually(
        `${service} ${what}`,
        async () =>
          (await control.instances()).find((instance) => instance.service === service && wished(instance)),
        PATIENCE_MS,
        50,
      ),
    token: (user) => {
      const known = tokens.get(user);
      if (known && performance.now() < known.until) return known.token;
      const token = logIn(user);
      tokens.set(user, { token, until: performance.now() + TOKEN_KEPT_MS });
      // A refusal is nobody's token: whoever asks next tries again, as identity may just have been killed.
      token.catch(() => tokens.delete(user));
      return token;
    },
    newcomer: async () => logIn(await signUp()),
    forgetTokens: () => tokens.clear(),
    kill: async (service) => {
      const pid = (await control.instances()).find((instance) => instance.service === service)?.pid;
      if (pid) process.kill(pid, 'SIGKILL');
    },
    sql: async (service, text) => await (await databaseOf(service)).query(text),
    stop: async () => {
      for (const db of opened) await db.close();
      // The suites share that broker: the next system would be refused what this one leaves there.
      if (process.env['RABBITMQ_URL'] && options.dataDir === undefined) await cli('down', '--reset', '--yes');
      supervisor.kill('SIGTERM');
      await ended;
      await removeData();
    },
  };
}

/** What was made once for a key. A failure is nobody's: whoever asks next tries again. */
function remember<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    known.catch(() => made.delete(key));
    return known;
  };
}

function openDatabase(uri: string): Database {
  return createDatabase({ uri, applicationName: 'system-test', maxConnections: 2, acquireTimeoutMs: 30_000 });
}

/** SIGKILLs a service's process (or `postgres`) and waits until another has taken its place. */
export async function killAndAwaitReturn(system: RunningSystem, service: string): Promise<void> {
  const { pid } = await system.awaitInstance(service, 'runs', ({ state }) => state === 'Running');
  if (!pid) throw new Error(`${service} has no process`);
  process.kill(pid, 'SIGKILL');
  await system.awaitInstance(service, 'is back', (now) => now.state === 'Running' && now.pid !== pid);
}

/** Operations with those that end sessions, or the account, behind all others, which need the token. */
export function signingOutLast<T>(
  operations: readonly T[],
  routeOf: (operation: T) => readonly [method: string, path: string],
): readonly T[] {
  const rank = (operation: T) => {
    const [method, path] = routeOf(operation);
    if (method.toUpperCase() === 'DELETE' && path === '/me') return 2;
    return /^\/me\/(sessions|password)|^\/auth\/logout/.test(path) ? 1 : 0;
  };
  return operations.toSorted((a, b) => rank(a) - rank(b));
}

/** Places an order as a demo user; waits 20 s for its end unless told otherwise. */
export async function placeOrder(system: RunningSystem, wish: OrderWish = {}): Promise<Answer> {
  const waitSeconds = wish.waitSeconds ?? 20;
  return await system.call('POST', '/orders', {
    token: await system.token(wish.user ?? 'alice'),
    headers: {
      'idempotency-key': wish.key ?? randomUUID(),
      ...(waitSeconds > 0 && { prefer: `wait=${waitSeconds}` }),
    },
    body: orderBody(wish),
  });
}

/** What says that nothing is decided yet; the same request with the same key is the way to hear more. */
const PUT_OFF: readonly unknown[] = ['temporarily-unavailable', 'idempotency-in-progress'];

/** Places an order as somebody who insists on an answer: on a busy machine the shop may put its customers off. */
export function insistOnOrder(system: RunningSystem, wish: OrderWish = {}): Promise<Answer> {
  const key = wish.key ?? randomUUID();
  return eventually(
    'the order is answered',
    async () => {
      const answer = await placeOrder(system, { ...wish, key });
      return !PUT_OFF.includes(answer.body.code) && answer;
    },
    PATIENCE_MS,
    200,
  );
}
