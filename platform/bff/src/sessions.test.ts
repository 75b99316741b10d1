import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createMemoryStore } from '../test/memory-store.ts';
import { bffError } from './errors.ts';
import type { Claims, Exchanged } from './issuer.ts';
import { createValueSeal } from './seal.ts';
import { createSessionCodec } from './session.ts';
import { createSessions, SESSION_LIFETIMES } from './sessions.ts';

const USER = { id: 'alice', name: 'Alice', email: 'alice@shop.test', tenantId: null };

const SCHEDULES = 2_000;

/** Whole numbers below a limit; the same ones for the same seed. */
function createRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
}

/** Two replicas over one store, and an issuer that says what it was asked. */
async function rig(
  onRefresh: (token: string) => Promise<unknown> = async () => undefined,
  claims?: () => Claims,
) {
  const memory = createMemoryStore();
  const asked: string[] = [];
  const clock = { offsetMs: 0, now: () => new Date(Date.now() + clock.offsetMs) };
  const refresh = async (token: string): Promise<Exchanged> => {
    asked.push(token);
    await onRefresh(token);
    return {
      accessToken: `access ${asked.length}`,
      refreshToken: `refresh ${asked.length}`,
      expiresInSeconds: 300,
      claims: claims?.(),
    };
  };
  const codec = createSessionCodec(createValueSeal(Buffer.alloc(32, 7), 'session'));
  const replica = () =>
    createSessions({
      ...{ ...memory, issuer: { refresh }, codec, clock, lifetimes: SESSION_LIFETIMES },
      ...{ logger: silentLogger, metrics: createMetrics() },
    });
  const [one, two] = [replica(), replica()];
  const id = await one.begin(USER, 'sid', {
    accessToken: 'access 0',
    refreshToken: 'refresh 0',
    expiresInSeconds: 300,
  });
  const serve = async (sessions: typeof one) => {
    const session = await sessions.find(id);
    return session && (await sessions.withToken(session))?.accessToken;
  };
  return { ...memory, asked, clock, one, two, id, serve };
}

describe('a session', () => {
  it('exchanges its tokens once, whatever the requests and replicas', async () => {
    const { asked, clock, one, two, serve } = await rig(() => delay(30));
    clock.offsetMs = 290_000;
    const given = await Promise.all(Array.from({ length: 200 }, (_, n) => serve(n % 2 === 0 ? one : two)));
    assert.deepEqual([...new Set(given)], ['access 1']);
    assert.deepEqual(asked, ['refresh 0']);
    clock.offsetMs = 580_000;
    assert.equal(await serve(two), 'access 2');
    assert.deepEqual(asked, ['refresh 0', 'refresh 1']);
  });

  it('does so in thousands of schedules with lost answers: never a fork, never a logout', async () => {
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const below = createRandom(seed);
      const turns = async () => {
        for (let left = below(12); left > 0; left -= 1) await Promise.resolve();
      };
      const redeemed: string[] = [];
      const { clock, one, two, serve, rows } = await rig(async (token) => {
        await turns();
        if (below(4) === 0)
          throw bffError('BFF_ISSUER_UNAVAILABLE', 'its answer was lost', { retryable: true });
        redeemed.push(token);
      });
      clock.offsetMs = 310_000;
      const asked = Array.from({ length: 6 }, async () => {
        await turns();
        return await serve(below(2) === 0 ? one : two).catch(({ code }: { code: string }) => code);
      });
      const given = new Set(await Promise.all(asked));
      given.delete('BFF_ISSUER_UNAVAILABLE');
      assert.ok(given.size <= 1 && !given.has(undefined), `schedule ${seed}: ${[...given]}`);
      assert.deepEqual(redeemed, given.size === 1 ? ['refresh 0'] : [], `schedule ${seed}`);
      assert.equal(rows.size, 1, `schedule ${seed}`);
    }
  });

  it('knows its user by what the issuer says with new tokens, and ends when that is somebody else', async () => {
    let claims: Claims = { sub: 'alice', name: 'Alice Liddell', email: 'alice@shop.test' };
    const { rows, clock, one, two, id, serve } = await rig(undefined, () => claims);
    clock.offsetMs = 310_000;
    await serve(one);
    assert.equal((await one.find(id))?.user.name, 'Alice Liddell');
    clock.offsetMs = 312_000;
    assert.equal((await two.find(id))?.user.name, 'Alice Liddell', 'at every replica');
    claims = { sub: 'mallory' };
    clock.offsetMs = 620_000;
    assert.equal(await serve(one), undefined);
    assert.equal(rows.size, 0);
  });

  it('takes another token when a service refuses the one it has, once for all who were refused', async () => {
    const { asked, one, id } = await rig(() => delay(10));
    const session = await one.find(id);
    assert.ok(session);
    const given = await Promise.all(Array.from({ length: 20 }, () => one.withToken(session, 'access 0')));
    assert.deepEqual([...new Set(given.map((next) => next?.accessToken))], ['access 1']);
    assert.equal(asked.length, 1);
  });

  it('that ends while its tokens are exchanged stays ended', async () => {
    const answer = Promise.withResolvers<void>();
    const { asked, rows, clock, one, two, id, serve } = await rig(() => answer.promise);
    clock.offsetMs = 310_000;
    const running = serve(one);
    await eventually('the issuer is asked', () => asked.length === 1);
    assert.equal((await two.end(id))?.user.id, 'alice', 'it does not wait for the issuer');
    answer.resolve();
    assert.equal(await running, undefined);
    assert.equal(rows.size, 0);
    assert.deepEqual([await one.find(id), await two.find(id)], [undefined, undefined]);
  });

  it('ends when the issuer gives no more tokens, and for no other fault of it', async () => {
    let fault: 'BFF_ISSUER_UNAVAILABLE' | 'BFF_SESSION_ENDED' = 'BFF_ISSUER_UNAVAILABLE';
    const { rows, clock, one, id, serve } = await rig(() =>
      Promise.reject(bffError(fault, 'no', { retryable: fault === 'BFF_ISSUER_UNAVAILABLE' })),
    );
    clock.offsetMs = 280_000;
    assert.equal(await serve(one), 'access 0', 'it is still good');
    clock.offsetMs = 310_000;
    await assert.rejects(serve(one), { code: 'BFF_ISSUER_UNAVAILABLE', retryable: true });
    assert.ok(await one.find(id));
    fault = 'BFF_SESSION_ENDED';
    assert.equal(await serve(one), undefined);
    assert.equal(rows.size, 0);
  });

  it('ends by the word of the issuer, at another replica within a second', async () => {
    const { clock, one, two, id } = await rig();
    assert.ok(await two.find(id));
    assert.equal(await one.endOf({ issuerSession: 'another' }), 0);
    assert.equal(await one.endOf({ issuerSession: 'sid' }), 1);
    assert.equal(await one.find(id), undefined);
    clock.offsetMs = 1_000;
    assert.equal(await two.find(id), undefined);
  });

  it('is found by its id alone, of which nothing is kept', async () => {
    const { rows, one, id } = await rig();
    for (const other of [
      '',
      'short',
      `${id}x`,
      id.toLowerCase() === id ? id.toUpperCase() : id.toLowerCase(),
    ])
      assert.equal(await one.find(other), undefined, other);
    const [row] = rows.values();
    for (const secret of [id, 'access 0', 'alice@shop.test'])
      assert.ok(!row?.sealed.toString('latin1').includes(secret));
  });

  it('ends after a week without a use, and after 30 days whatever happens', async () => {
    const { clock, one, id } = await rig();
    const day = 86_400_000;
    for (let n = 1; n <= 4; n += 1) {
      clock.offsetMs = n * 6 * day;
      assert.ok(await one.find(id), `day ${6 * n}`);
      await delay(1);
    }
    clock.offsetMs = 30 * day;
    assert.equal(await one.find(id), undefined);
    const idle = await rig();
    idle.clock.offsetMs = 7 * day;
    assert.equal(await idle.one.find(idle.id), undefined);
  });
});
