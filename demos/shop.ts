import { randomUUID } from 'node:crypto';
import type { InstanceStatus, Stage } from '@flotilla/cli';
import { eventually } from '@flotilla/kernel/testing';
import { createDatabase, type SqlValue } from '@flotilla/postgres';
import type { EdgeState } from '@flotilla/resilience';
import {
  type Answer,
  type CallOptions,
  callShop,
  type OrderWish,
  orderBody,
  untilServed,
} from './shop-client.ts';

/** The running shop, as a demo uses it. Whatever is changed through it is put back when the demo has ended. */
export interface Shop {
  /** Of the gateway. */
  readonly url: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Access token of a demo user: `alice`, `bob`, `carol`, `admin`. */
  token(user: string): Promise<string>;
  /** As alice, unless the wish says otherwise; waits up to 20 s for its end. */
  placeOrder(wish?: OrderWish): Promise<Answer>;
  /** Runs SQL in the database of a service, as the owner of its tables. */
  sql<T extends Record<string, unknown>>(
    service: string,
    text: string,
    values?: readonly SqlValue[],
  ): Promise<T[]>;
  /** Runs SQL in the database of the bus in the name of a service, as its relay does. */
  busAs(service: string, text: string, values?: readonly SqlValue[]): Promise<void>;
  instance(service: string): Promise<InstanceStatus>;
  /** Own address of a service, behind the gateway. */
  address(service: string): Promise<string>;
  /** What a service knows of its calls to another. */
  edge(from: string, to: string): Promise<EdgeState>;
  /** Makes calls go wrong until the demo has ended. */
  fault(from: string, to: string, ...parts: readonly string[]): Promise<void>;
  clearFault(from: string, to: string): Promise<void>;
  /** Until the demo has ended, or `start`. */
  stop(service: string): Promise<void>;
  start(service: string): Promise<void>;
}

/** Only tells a hang apart: a demo may run beside much else. */
const WAIT_MS = 120_000;

export async function openShop(stage: Stage): Promise<Shop> {
  const { control } = stage;
  const instance = (service: string): Promise<InstanceStatus> => runningInstance(stage, service);
  const url = String((await instance('gateway')).url);
  const tokens = new Map<string, Promise<string>>();
  const call = (method: string, path: string, options?: CallOptions): Promise<Answer> =>
    callShop(url, method, path, options);
  const token = (user: string): Promise<string> => {
    const known = tokens.get(user) ?? logIn(call, user);
    tokens.set(user, known);
    return known;
  };
  return {
    url,
    call,
    token,
    placeOrder: async (wish = {}) =>
      await call('POST', '/orders', {
        token: await token(wish.user ?? 'alice'),
        headers: {
          'idempotency-key': wish.key ?? randomUUID(),
          prefer: `wait=${wish.waitSeconds ?? 20}`,
        },
        body: orderBody(wish),
      }),
    sql: async (service, text, values) => {
      const uri = await control.databaseUri(service, true);
      const db = createDatabase({ uri, applicationName: 'flotilla-demo', maxConnections: 1 });
      return (await db.query(text, values).finally(() => db.close())) as never;
    },
    busAs: async (service, text, values) => {
      const uri = new URL(await control.databaseUri(service, false));
      uri.pathname = new URL(await control.databaseUri('bus', true)).pathname;
      const db = createDatabase({ uri: uri.href, applicationName: 'flotilla-demo', maxConnections: 1 });
      await db.query(text, values).finally(() => db.close());
    },
    instance,
    address: async (service) => String((await instance(service)).url),
    edge: async (from, to) => {
      const response = await fetch(`${(await instance(from)).url}/resilience`);
      const { edges } = (await response.json()) as { readonly edges: readonly EdgeState[] };
      const found = edges.find(({ name }) => name.split(' ')[0] === `${from}→${to}`);
      if (found === undefined) throw new Error(`${from} calls no ${to}`);
      return found;
    },
    fault: async (from, to, ...parts) => {
      const held = (await control.faults()).some((one) => one.from === from && one.to === to);
      if (held) throw new Error(`a fault is injected into ${from}→${to} already: flotilla fault clear`);
      stage.putBack(`the fault of ${from}→${to}`, () => clearFault(stage, from, to));
      await control.addFault(`${from}→${to}`, parts);
      stage.say(`flotilla fault add ${from}→${to} ${parts.join(' ')}`);
    },
    clearFault: async (from, to) => {
      await clearFault(stage, from, to);
      stage.say(`flotilla fault clear ${from}→${to}`);
    },
    stop: async (service) => {
      await instance(service); // what somebody else has stopped is not ours to start
      stage.putBack(`the start of ${service}`, () => startAgain(stage, service));
      stage.say(`flotilla stop ${service}`);
      await control.change(service, 'stop');
    },
    start: async (service) => {
      stage.say(`flotilla start ${service}`);
      await startAgain(stage, service);
    },
  };
}

async function runningInstance({ control }: Stage, service: string): Promise<InstanceStatus> {
  const found = (await control.instances()).find((one) => one.service === service);
  if (found?.state !== 'Running' || found.url === undefined)
    throw new Error(`${service} does not run: flotilla start ${service}`);
  return found;
}

async function clearFault({ control }: Stage, from: string, to: string): Promise<void> {
  const held = (await control.faults()).some((one) => one.from === from && one.to === to);
  if (held) await control.clearFaults(`${from}→${to}`);
}

async function startAgain(stage: Stage, service: string): Promise<void> {
  const states = (await stage.control.instances()).filter((one) => one.service === service);
  if (states.some(({ state }) => state === 'Stopped')) await stage.control.change(service, 'start');
  await untilReady(stage, service);
}

/** Resolves when a service can serve. */
export async function untilReady({ control }: Stage, service: string): Promise<InstanceStatus> {
  return await eventually(
    `${service} is ready`,
    async () =>
      (await control.instances()).find(
        (one) => one.service === service && one.state === 'Running' && one.ready,
      ) ?? false,
    WAIT_MS,
    100,
  );
}

/** Waits until it is so; fails with `what` after two minutes. */
export async function until<T>(what: string, probe: () => Promise<T | false | undefined>): Promise<T> {
  return await eventually(what, probe, WAIT_MS, 100);
}

async function logIn(call: Shop['call'], user: string): Promise<string> {
  const body = { email: `${user}@example.com`, password: `${user}-password` };
  const answer = await untilServed(() => call('POST', '/auth/login', { body }));
  if (answer.status === 200) return String(answer.body.accessToken);
  throw new Error(`${user} cannot log in (${answer.status}): demos need the demo data, flotilla up --demo`);
}

/** Does it again, twice at most, when it was not good: on a machine that is busy with something else everything is late by itself. */
export async function insist<T>(work: () => Promise<T>, isGood: (result: T) => boolean): Promise<T> {
  const first = await work();
  if (isGood(first)) return first;
  const second = await work();
  return isGood(second) ? second : await work();
}

/** Milliseconds that work takes, and its result. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly ms: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, ms: Math.round(performance.now() - startedAt) };
}
