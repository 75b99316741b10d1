import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { providerMigrations } from '@flotilla/auth/provider/migrations';
import { busMigrations, inboxMigrations, outboxMigrations } from '@flotilla/messaging';
import system from '../../flotilla.config.ts';
import { type PostgresServer, startPostgresServer } from '../postgres-server.ts';
import { cpuSecondsOfTree, memoryOfTree } from '../processes.ts';
import { startProgram } from '../program.ts';
import type { Figures } from '../report.ts';
import { percentile } from '../statistics.ts';

export interface IssuingLoad {
  readonly seconds: number;
  /** Requests under way at a time, each of a login of its own where tokens are refreshed. */
  readonly clients: number;
}

const ROOT = join(import.meta.dirname, '..', '..');
const CREDENTIALS = `Basic ${Buffer.from('order-service:order-service-secret').toString('base64')}`;
const WEB_APP = `Basic ${Buffer.from('web-app:web-app-secret').toString('base64')}`;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One kept connection for each client. */
function createPoster(url: string, agent: Agent) {
  return async (path: string, body: object, authorization?: string): Promise<Answer> => {
    const isForm = authorization !== undefined;
    const payload = isForm
      ? String(new URLSearchParams(body as Record<string, string>))
      : JSON.stringify(body);
    const req = request(`${url}${path}`, {
      agent,
      method: 'POST',
      headers: {
        'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        'content-length': Buffer.byteLength(payload),
        ...(authorization !== undefined && { authorization }),
      },
    });
    req.end(payload);
    const [response] = await once(req, 'response');
    const answered = await text(response);
    return { status: response.statusCode, body: answered === '' ? {} : JSON.parse(answered) };
  };
}

interface Driven {
  readonly served: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly refused: number;
}

/** Answers a second and their times; 503 is a refusal of who has too much to do, anything else but 200 is a defect. */
async function drive(
  { seconds, clients }: IssuingLoad,
  send: (client: number) => Promise<number>,
): Promise<Driven> {
  const served: number[] = [];
  let refused = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < endsAt) {
        const sentAt = performance.now();
        const status = await send(client);
        if (status === 200) served.push(performance.now() - sentAt);
        else if (status === 503) refused += 1;
        else throw new Error(`answered ${status}`);
      }
    }),
  );
  const perSecond = (served.length / (performance.now() - startedAt)) * 1_000;
  return { served: served.length, perSecond, p99Ms: percentile(served, 0.99), refused };
}

async function startOurs(server: PostgresServer) {
  const own = { name: 'identity', directory: join(ROOT, 'shop/identity/migrations') };
  const database = await server.database('identity', [
    providerMigrations,
    own,
    outboxMigrations,
    inboxMigrations,
  ]);
  await server.database('bus', [busMigrations], ['identity']);
  const bus = server.uriFor('bus', 'identity');
  const child = spawn(process.execPath, [join(ROOT, 'shop/identity/src/main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...{ PATH: process.env['PATH'], FLOTILLA_DEMO: '1', LOG_LEVEL: 'error' },
      ...{ DATABASE_URL: database, BUS_URL: bus, ISSUER: 'http://127.0.0.1:8080/identity' },
      ...{ SERVICE_CLIENTS: '{}', KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') },
      // As `flotilla up` starts it.
      ...{ NODE_OPTIONS: '--max-semi-space-size=4', ...system.services['identity']?.env },
    },
  });
  const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (typeof ready !== 'object' || ready === null) throw new Error(`identity ended: ${ready}`);
  const { url } = ready as { readonly url: string };
  const stop = async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { url, pid: child.pid ?? 0, stop };
}

/** Fifty a second: as fast as answers come, these would be a load of their own, which logins pay for. */
const BESIDE_EVERY_MS = 20;

/** How long something cheap takes, in ms each, until the load is over. */
async function besideLoad(url: string, over: AbortSignal): Promise<readonly number[]> {
  const times: number[] = [];
  while (!over.aborted) {
    const sentAt = performance.now();
    await fetch(url).then((answer) => answer.text());
    times.push(performance.now() - sentAt);
    await delay(BESIDE_EVERY_MS);
  }
  return times;
}

/** Identity as it runs in the shop, on PostgreSQL, asked without the gateway. */
export async function measureIssuing(load: IssuingLoad): Promise<readonly Figures[]> {
  const server = await startPostgresServer();
  const agent = new Agent({ keepAlive: true });
  const ours = await startOurs(server);
  const post = createPoster(ours.url, agent);
  const alice = { email: 'alice@example.com', password: 'alice-password' };
  try {
    const asked = { grant_type: 'client_credentials', scope: 'inventory.read' };
    const credentials = await drive(
      load,
      async () => (await post('/identity/token', asked, CREDENTIALS)).status,
    );

    const tokens: string[] = [];
    for (let n = 0; n < load.clients; n += 1)
      tokens.push(String((await post('/auth/login', alice)).body['refreshToken']));
    const refreshes = await drive(load, async (client) => {
      const { status, body } = await post('/auth/refresh', { refreshToken: tokens[client] });
      tokens[client] = String(body['refreshToken']);
      return status;
    });

    const cpuSeconds = () => cpuSecondsOfTree(ours.pid) + cpuSecondsOfTree(server.pid);
    const before = cpuSeconds();
    const restMb = memoryOfTree(ours.pid).rssBytes / 2 ** 20;
    const loaded = new AbortController();
    const beside = besideLoad(`${ours.url}/identity/jwks`, loaded.signal);
    const logins = await drive(load, async () => (await post('/auth/login', alice)).status).finally(() =>
      loaded.abort(),
    );
    return [
      { 'a second': credentials.perSecond, 'p99 ms': credentials.p99Ms },
      { 'a second': refreshes.perSecond, 'p99 ms': refreshes.p99Ms },
      {
        'a second': logins.perSecond,
        'p99 ms': logins.p99Ms,
        refused: logins.refused,
        'p99 ms of the keys beside it': percentile(await beside, 0.99),
        'CPU ms each, with PostgreSQL': ((cpuSeconds() - before) * 1_000) / logins.served,
        'MB resident before': restMb,
        'MB resident after': memoryOfTree(ours.pid).rssBytes / 2 ** 20,
      },
    ];
  } finally {
    agent.destroy();
    await ours.stop();
    await server.stop();
  }
}

/** The library alone, with its state in memory. */
export async function measurePeer(load: IssuingLoad): Promise<readonly Figures[]> {
  const program = await startProgram(join(ROOT, 'bench/peers/oidc-provider.ts'), {
    settings: { families: load.clients },
  });
  const agent = new Agent({ keepAlive: true });
  try {
    const facts = await program.ask<{ readonly url: string; readonly refreshTokens: string[] }>('facts');
    const post = createPoster(facts.url, agent);
    const asked = { grant_type: 'client_credentials', scope: 'inventory.read' };
    const credentials = await drive(load, async () => (await post('/token', asked, CREDENTIALS)).status);
    const tokens = [...facts.refreshTokens];
    const refreshes = await drive(load, async (client) => {
      const fields = { grant_type: 'refresh_token', refresh_token: tokens[client] ?? '' };
      const { status, body } = await post('/token', fields, WEB_APP);
      tokens[client] = String(body['refresh_token']);
      return status;
    });
    return [
      { 'a second': credentials.perSecond, 'p99 ms': credentials.p99Ms },
      { 'a second': refreshes.perSecond, 'p99 ms': refreshes.p99Ms },
    ];
  } finally {
    agent.destroy();
    await program.stop();
  }
}
