import { randomUUID } from 'node:crypto';
import { eventually } from '@flotilla/kernel/testing';
import { type Answer, type OrderWish, orderBody } from '../demos/shop-client.ts';
import { insist, seededRandom } from '../test/system/order-load.ts';
import { PATIENCE_MS, type RunningSystem } from '../test/system/running-system.ts';
import type { ClientRecord } from './invariant.ts';

/** A way through the whole system, walked by a careful client: what goes wrong is tried again with the same key. */
export interface Flow {
  readonly name: string;
  /** Whose order it is. */
  readonly user: string;
  /** How its order must end, whatever crashes; `either` where a customer races with the shipment. */
  readonly end: 'Confirmed' | 'Cancelled' | 'either' | 'no-order';
  /** Resolves with what the client was answered; `undefined` when there is no order in it. */
  readonly run: (system: RunningSystem) => Promise<ClientRecord | undefined>;
}

const random = seededRandom(1);

/** The order of these decides in which flow a point is looked at first: the quick ones come first. */
export const FLOWS: readonly Flow[] = [
  order('confirmed', 'Confirmed', {}),
  // Its coupon is used and given back.
  order('shipment-refused', 'Cancelled', { country: 'XX', agreedOn: { coupon: 'THANKS' } }),
  order('payment-declined', 'Cancelled', { payment: 'tok_declined' }),
  order('out-of-stock', 'Cancelled', { sku: 'sku-soldout' }),
  { name: 'checkout', user: 'bob', end: 'Confirmed', run: checkOut },
  { name: 'sign-up', user: '', end: 'no-order', run: signUp },
  { name: 'come-and-go', user: '', end: 'no-order', run: comeAndGo },
  { name: 'cancelled-by-customer', user: 'carol', end: 'either', run: cancel },
];

function order(name: string, end: Flow['end'], wish: OrderWish): Flow {
  return {
    name,
    user: 'alice',
    end,
    run: (system) => insist(system, { ...wish, key: randomUUID(), user: 'alice', waitSeconds: 20 }, random),
  };
}

/** Until the answer is one that says what happened: an error of the system itself does not. */
async function insistOn(what: string, attempt: () => Promise<Answer>): Promise<Answer> {
  return await eventually(
    what,
    async () => {
      const answer = await attempt();
      return answer.status < 500 && answer.status !== 409 && answer;
    },
    PATIENCE_MS,
    100,
  );
}

async function checkOut(system: RunningSystem): Promise<ClientRecord> {
  const token = await system.token('bob');
  const key = randomUUID();
  const { payment, shippingAddress } = orderBody() as Record<string, unknown>;
  await insistOn('the cart is filled', () =>
    system.call('PUT', '/cart/items/sku-0004', { token, body: { quantity: 1 } }),
  );
  const answer = await insistOn('the cart is checked out', () =>
    system.call('POST', '/cart/checkout', {
      token,
      headers: { 'idempotency-key': key, prefer: 'wait=20' },
      body: { payment, shippingAddress },
    }),
  );
  return { key, answers: [{ status: answer.status, orderId: String(answer.body.id ?? '') }] };
}

/** Whoever gets no answer tries again, and hears that the address is taken: by the first attempt. */
async function signUp(system: RunningSystem): Promise<undefined> {
  await signOut(system, await newcomer(system));
}

async function newcomer(
  system: RunningSystem,
): Promise<Readonly<Record<'email' | 'password' | 'name', string>>> {
  const body = { email: `${randomUUID()}@example.com`, password: randomUUID(), name: 'Dora' };
  await eventually(
    'signed up',
    async () => [201, 409].includes((await system.call('POST', '/users', { body })).status),
    PATIENCE_MS,
    100,
  );
  return body;
}

/** Leaves something of themselves with each service that keeps it, takes it along, and has it erased. */
async function comeAndGo(system: RunningSystem): Promise<undefined> {
  const { email, password } = await newcomer(system);
  const { body } = await insistOn('logged in', () =>
    system.call('POST', '/auth/login', { body: { email, password } }),
  );
  const token = body.accessToken ?? '';
  const insistOnOwn = (method: string, path: string, sent?: object) =>
    insistOn(`${method} ${path}`, () =>
      system.call(method, path, { token, ...(sent !== undefined && { body: sent }) }),
    );
  const { shippingAddress } = orderBody() as Record<string, object>;
  await insistOnOwn('PATCH', '/me', { locale: 'de' });
  const { body: home } = await insistOnOwn('POST', '/me/addresses', shippingAddress);
  await insistOnOwn('PUT', `/me/addresses/${home.id}/default`);
  await insistOnOwn('PUT', '/me/viewed/sku-0001');
  await insistOnOwn('DELETE', '/me/viewed');
  const collected = await insistOnOwn('POST', '/me/export');
  await eventually(
    'all that is known was collected',
    async () => (await insistOnOwn('GET', `/me/exports/${collected.body.id}`)).body.status === 'ready',
    PATIENCE_MS,
    100,
  );
  const erased = await insistOnOwn('DELETE', '/me');
  if (erased.status === 401) return; // the first answer was lost, and nobody is left to ask again
  await eventually(
    'it was erased',
    async () => (await system.call('GET', `/erasures/${erased.body.id}`)).body.status === 'done',
    PATIENCE_MS,
    100,
  );
}

/** Ends a session in each of the ways there are. Who is told nothing, or that the session has ended, is content. */
async function signOut(system: RunningSystem, { email, password }: Readonly<Record<string, string>>) {
  const logIn = async () =>
    (await insistOn('logged in', () => system.call('POST', '/auth/login', { body: { email, password } })))
      .body;
  const end = async (path: string) => {
    const { accessToken: token = '' } = await logIn();
    await insistOn('the session has ended', () => system.call('DELETE', path, { token }));
  };
  const { accessToken: token = '' } = await logIn();
  const { body } = await insistOn('sessions are listed', () => system.call('GET', '/me/sessions', { token }));
  await end(`/me/sessions/${body.items?.[0]?.id}`);
  await end('/me/sessions');
  const { refreshToken } = await logIn();
  await insistOn('logged out', () => system.call('POST', '/auth/logout', { body: { refreshToken } }));
}

async function cancel(system: RunningSystem): Promise<ClientRecord> {
  const token = await system.token('carol');
  const wish = { payment: 'tok_slow', key: randomUUID(), user: 'carol', waitSeconds: 0 };
  const record = await insist(system, wish, random);
  const orderId = record.answers[0]?.orderId ?? '';
  const look = () => system.call('GET', `/orders/${orderId}`, { token });
  await eventually('it is being paid', async () => (await look()).body.status !== 'Pending');
  await eventually(
    'the wish to cancel has an answer',
    async () => (await system.call('POST', `/orders/${orderId}/cancel`, { token })).status < 500,
    PATIENCE_MS,
    100,
  );
  return record;
}
