import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { eventually } from '@flotilla/kernel/testing';
import { untilServed } from '../../demos/shop-client.ts';
import { killAndAwaitReturn, type RunningSystem } from './running-system.ts';

/** What identity says on the bus holds in every process, also in those that begin afterwards. */
export const revocation = (running: () => RunningSystem) => (): void => {
  it('refuses the tokens of an account that has changed, in the gateway and in each service', async () => {
    const system = running();
    const credentials = { email: `${randomUUID()}@example.com`, password: `revoked-${randomUUID()}` };
    const send = (path: string, body: object) => untilServed(() => system.call('POST', path, { body }));
    const { body: user } = await send('/users', { ...credentials, name: 'Revoked' });
    const logIn = async () => String((await send('/auth/login', credentials)).body.accessToken);
    const token = await logIn();
    const services = (await system.ps()).filter(({ service }) => ['order', 'cart'].includes(service));
    const doors = [
      `${system.url}/orders`,
      ...services.map(({ service, url }) => `${url}/${service === 'cart' ? 'cart' : 'orders'}`),
    ];
    const answers = (bearer: string) => Promise.all(doors.map((url) => statusOf(url, bearer)));
    assert.deepEqual([...new Set(await answers(token))], [200]);

    await publishChange(system, String(user.id));
    await eventually('all refuse it', async () => (await answers(token)).every((status) => status === 401));
    await killAndAwaitReturn(system, 'cart');
    const [cart] = (await system.ps()).filter(({ service }) => service === 'cart');
    assert.equal(
      await statusOf(`${cart?.url}/cart`, token),
      401,
      'one that begins knows what happened before',
    );
    await eventually('a token from afterwards serves', async () => {
      return (await statusOf(`${system.url}/orders`, await logIn())) === 200;
    });
  });
};

async function statusOf(url: string, token: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  return response.status;
}

/** As the relay of identity hands it to the bus. */
async function publishChange(system: RunningSystem, userId: string): Promise<void> {
  const type = 'identity.account-changed.v1';
  const now = new Date().toISOString();
  const data = { userId, changedAt: now, change: 'role' };
  const body = JSON.stringify({
    specversion: '1.0',
    id: randomUUID(),
    type,
    source: 'identity',
    time: now,
    data,
  });
  const quoted = `'${body.replaceAll("'", "''")}'`;
  await system.sql(
    'bus',
    `SELECT bus.publish(ARRAY['${type}'], ARRAY['${userId}'], ARRAY[0]::smallint[], ARRAY[${quoted}], ARRAY[false])`,
  );
}
