import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { createRemoteKeys, createStaticKeys } from './remote-keys.ts';

function publicJwk(kid: string, more: object = {}): object {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid, ...more };
}

/** An issuer whose answers are set by the test. */
function remote() {
  const clock = createManualClock();
  const problems: Error[] = [];
  const state = { loads: 0, answer: async (): Promise<unknown> => ({ keys: [publicJwk('a')] }) };
  const keys = createRemoteKeys({
    clock,
    timeoutMs: 50,
    onProblem: (error) => problems.push(error),
    fetchJwks: () => {
      state.loads += 1;
      return state.answer();
    },
  });
  const down = async () => {
    throw new Error('the issuer is down');
  };
  return { clock, problems, state, keys, down };
}

const UNAVAILABLE = { code: 'AUTH_KEYS_UNAVAILABLE', retryable: true };

describe('remote keys', () => {
  it('are loaded when first needed, once for all who wait', async () => {
    const { keys, state } = remote();
    const found = await Promise.all([keys.find('a'), keys.find('a'), keys.find('b')]);
    assert.equal(found[0]?.algorithm, 'ES256');
    assert.equal(found[2], undefined);
    assert.equal(state.loads, 1);
  });

  it('survive a flood of unknown key ids with one load in 30 seconds', async () => {
    const { keys, state, clock } = remote();
    await keys.find('a');
    for (let count = 0; count < 1_000; count += 1) assert.equal(await keys.find(`x${count}`), undefined);
    assert.equal(state.loads, 1);
    await clock.advance(30_000);
    await Promise.all(Array.from({ length: 100 }, (_, count) => keys.find(`y${count}`)));
    assert.equal(state.loads, 2);
  });

  it('find a new key after a rotation', async () => {
    const { keys, state, clock } = remote();
    await keys.find('a');
    state.answer = async () => ({ keys: [publicJwk('a'), publicJwk('b')] });
    await clock.advance(30_000);
    assert.ok(await keys.find('b'));
  });

  it('stay in use for an hour while the issuer is away, then are not trusted any more', async () => {
    const { keys, state, clock, problems, down } = remote();
    await keys.find('a');
    state.answer = down;
    await clock.advance(3_500_000);
    assert.ok(await keys.find('a'));
    await assert.rejects(keys.find('b'), UNAVAILABLE, 'whether b exists cannot be known');
    await clock.advance(200_000);
    await assert.rejects(keys.find('a'), UNAVAILABLE);
    assert.ok(problems.length > 0);
  });

  it('are not lost to an empty, malformed, private or oversized answer', async () => {
    const { keys, state, clock } = remote();
    await keys.find('a');
    const tooMany = { keys: Array.from({ length: 101 }, (_, count) => ({ kid: String(count) })) };
    for (const answer of [
      { keys: [] },
      {},
      null,
      'x',
      [],
      { keys: [publicJwk('a', { d: 'AA' })] },
      tooMany,
    ]) {
      state.answer = async () => answer;
      await clock.advance(31_000);
      const before = state.loads;
      await assert.rejects(keys.find('unknown'), UNAVAILABLE);
      assert.equal(state.loads, before + 1);
      assert.ok(await keys.find('a'));
    }
  });

  it('are refreshed in the background, so that a removed key ends', async () => {
    const { keys, state, clock } = remote();
    await keys.find('a');
    state.answer = async () => ({ keys: [publicJwk('b')] });
    await clock.advance(601_000);
    assert.ok(await keys.find('a'), 'nobody waits for the refresh');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await keys.find('a'), undefined);
  });

  it('are asked for again soon after a failure, then less and less often', async () => {
    const { keys, state, clock, down } = remote();
    state.answer = down;
    await assert.rejects(keys.find('a'), UNAVAILABLE);
    await assert.rejects(keys.find('a'), UNAVAILABLE);
    assert.equal(state.loads, 1, 'not within the first half second');
    for (const [waitMs, loads] of [
      [500, 2],
      [500, 2],
      [500, 3],
    ] as const) {
      await clock.advance(waitMs);
      await assert.rejects(keys.find('a'), UNAVAILABLE);
      assert.equal(state.loads, loads);
    }
    state.answer = async () => ({ keys: [publicJwk('a')] });
    await clock.advance(30_000);
    assert.ok(await keys.find('a'));
  });

  it('do not wait for an issuer that never answers', async () => {
    const { keys, state } = remote();
    state.answer = () => new Promise(() => undefined);
    await assert.rejects(keys.find('a'), UNAVAILABLE);
  });
});

describe('a key set', () => {
  const usable = (more: object) => () => createStaticKeys({ keys: [publicJwk('a', more)] });

  it('leaves out keys that are private, symmetric, for encryption or of an odd kind', () => {
    for (const more of [
      { d: 'AA' },
      { use: 'enc' },
      { kid: '' },
      { kid: 7 },
      { alg: 'HS256' },
      { alg: 'ES512' },
      { kty: 'oct', k: 'AA' },
      { crv: 'secp256k1' },
      { x: 'AA' },
    ])
      assert.throws(usable(more), TypeError, JSON.stringify(more));
    usable({ use: 'sig', alg: 'ES256' })();
  });

  it('leaves out weak RSA keys', async () => {
    const rsa = (modulusLength: number, publicExponent: number) => ({
      ...generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' }),
      kid: 'r',
    });
    assert.throws(() => createStaticKeys({ keys: [rsa(1024, 65_537)] }), /too weak/);
    assert.throws(() => createStaticKeys({ keys: [rsa(2048, 3)] }), /too weak/);
    assert.throws(() => createStaticKeys({ keys: [{ ...rsa(2048, 65_537), e: 'AQ' }] }), TypeError);
    assert.equal((await createStaticKeys({ keys: [rsa(2048, 65_537)] }).find('r'))?.algorithm, 'RS256');
  });
});
