import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { orderBody, untilServed } from '../../demos/shop-client.ts';
import type { RunningSystem } from './running-system.ts';

/** Secrets of users and of the system itself, used in every way that works and that fails, are nowhere but where they belong. */
export const secrets = (running: () => RunningSystem) => (): void => {
  it('shows no secret in a log, an answer or what a process was started with', async () => {
    const system = running();
    const [used, generated] = await Promise.all([useSecrets(system), generatedSecrets(system)]);
    const places = await placesToLook(system);
    assert.ok(places.length > 20, `looked at ${places.length} places only`);
    const found = places.flatMap(([place, text]) =>
      [...used.secrets, ...generated]
        .filter(([, secret]) => text.includes(secret))
        .map(([what]) => `${what} in ${place}`),
    );
    assert.deepEqual(found, []);
    for (const answer of used.problems)
      assert.deepEqual(
        used.secrets.filter(([, secret]) => answer.includes(secret)).map(([what]) => what),
        [],
      );
  });
};

type Secret = readonly [what: string, secret: string];

async function useSecrets(
  system: RunningSystem,
): Promise<{ secrets: readonly Secret[]; problems: readonly string[] }> {
  const id = randomUUID();
  const [email, password, wrong] = [`${id}@example.com`, `canary-${id}-right`, `canary-${id}-wrong`];
  const card = `tok_canary-${id}`;
  const problems: string[] = [];
  const failing = async (method: string, path: string, options: Parameters<RunningSystem['call']>[2]) => {
    const { status, body } = await system.call(method, path, options);
    assert.ok(status >= 400, `${method} ${path} was answered ${status}`);
    problems.push(JSON.stringify(body));
  };
  const account = { email, password, name: 'Canary' };
  await untilServed(() => system.call('POST', '/users', { body: account }));
  await failing('POST', '/users', { body: account });
  await failing('POST', '/auth/login', { body: { email, password: wrong } });
  await failing('POST', '/auth/login', { rawBody: `{"email":"${email}","password":"${password}"` });
  const credentials = { email, password };
  const { body } = await untilServed(() => system.call('POST', '/auth/login', { body: credentials }));
  const [access, refresh] = [String(body.accessToken), String(body.refreshToken)];
  const next = (await system.call('POST', '/auth/refresh', { body: { refreshToken: refresh } })).body;
  await system.call('POST', '/auth/refresh', { body: { refreshToken: String(next.refreshToken) } });
  await failing('POST', '/auth/refresh', { body: { refreshToken: refresh } });
  const headers = { 'idempotency-key': id, prefer: 'wait=20' };
  await failing('POST', '/orders', {
    token: access,
    headers,
    body: orderBody({ payment: card, quantity: 1 }),
  });
  await failing('GET', '/me', { token: `${access}x` });
  await failing('POST', '/orders', { token: access, rawBody: `{"payment":{"token":"${card}"}` });
  const secrets: Secret[] = [
    ['a password', password],
    ['a wrong password', wrong],
    ['an access token', access.split('.')[2] ?? access],
    ['a refresh token', refresh],
    ['the next refresh token', String(next.refreshToken)],
    ['a card token', card],
  ];
  for (const [what, secret] of secrets) assert.ok(secret.length > 20, what);
  return { secrets, problems };
}

/** Passwords of databases, secrets of clients, keys: what the supervisor has made, as it is and as it stands in an address. */
async function generatedSecrets({ dataDir }: RunningSystem): Promise<readonly Secret[]> {
  const held = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as Record<string, string>;
  return Object.entries(held)
    .filter(([name]) => name !== 'system') // stands, hashed, in comments on a server
    .flatMap(([name, secret]): Secret[] => [
      [`the secret of "${name}"`, secret],
      [`the secret of "${name}" in an address`, encodeURIComponent(secret)],
    ]);
}

async function placesToLook(
  system: RunningSystem,
): Promise<readonly (readonly [place: string, text: string])[]> {
  const processes = (await system.ps()).flatMap(({ instance, pid }) =>
    pid === null ? [] : [[instance, pid] as const],
  );
  const started = processes.flatMap(([instance, pid]) =>
    ['environ', 'cmdline'].map(async (file) => {
      const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      return [`${file} of ${instance}`, text] as const;
    }),
  );
  const logs = (await readdir(system.dataDir, { recursive: true })).filter((file) => file.endsWith('.log'));
  const read = logs.map(async (file) => [file, await readFile(join(system.dataDir, file), 'utf8')] as const);
  return await Promise.all([...started, ...read]);
}
