import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { type ClaimsVerifierOptions, createClaimsVerifier } from './claims-verifier.ts';
import { createTestIssuer } from './testing/index.ts';

const SECRET = randomBytes(32).toString('hex');
const clock = createManualClock();
const nowSeconds = () => Math.floor(clock.now().getTime() / 1000);

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(claims: object, { secret = SECRET, header = {}, hash = 'sha256' } = {}): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode({ exp: nowSeconds() + 900, ...claims })}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

function verifier(options: Partial<ClaimsVerifierOptions> = {}) {
  return createClaimsVerifier({
    issuer: 'https://idp.test',
    audiences: ['api', 'web'],
    algorithms: ['HS256'],
    keys: { secret: SECRET },
    clock,
    ...options,
  });
}

const good = { iss: 'https://idp.test', aud: 'api', sub: 'alice' };

async function reasonOf(token: string, verify = verifier()): Promise<unknown> {
  try {
    await verify(token);
    return 'accepted';
  } catch (error) {
    return (error as { details: { reason: string } }).details.reason;
  }
}

describe('claims of a token signed with a secret', () => {
  it('are those of its payload', async () => {
    const exp = nowSeconds() + 10;
    const claims = await verifier()(sign({ ...good, aud: ['x', 'web'], roles: ['a', 'b'], exp }));
    assert.deepEqual(claims, { ...good, aud: ['x', 'web'], roles: ['a', 'b'], exp });
  });

  const refused: readonly (readonly [string, string, () => string])[] = [
    ['another secret', 'signature', () => sign(good, { secret: `${SECRET}x` })],
    [
      'another algorithm of the same kind',
      'algorithm',
      () => sign(good, { header: { alg: 'HS512' }, hash: 'sha512' }),
    ],
    ['no algorithm', 'algorithm', () => `${encode({ alg: 'none' })}.${encode(good)}.AA`],
    ['another issuer', 'issuer', () => sign({ ...good, iss: 'https://idp.test.evil' })],
    ['no issuer', 'issuer', () => sign({ ...good, iss: undefined })],
    ['another audience', 'audience', () => sign({ ...good, aud: ['x', 'apis'] })],
    ['no end', 'claim', () => sign({ ...good, exp: undefined })],
    ['an end that is no number', 'claim', () => sign({ ...good, exp: '9999999999' })],
    ['an end in the past', 'expired', () => sign({ ...good, exp: nowSeconds() - 61 })],
    ['a beginning in the future', 'not-yet-valid', () => sign({ ...good, nbf: nowSeconds() + 61 })],
    ['an unknown critical header', 'critical-header', () => sign(good, { header: { crit: ['x'], x: 1 } })],
    ['no token', 'malformed', () => 'not-a-token'],
    ['more than 8 KiB', 'too-large', () => sign({ ...good, note: 'x'.repeat(8192) })],
  ];
  for (const [what, reason, make] of refused)
    it(`are refused with ${what}`, async () => assert.equal(await reasonOf(make()), reason));

  it('are refused with a name that stands twice', async () => {
    const payload = Buffer.from(
      `{"iss":"https://idp.test","aud":"api","exp":${nowSeconds() + 9},"sub":"a","sub":"b"}`,
    );
    const input = `${encode({ alg: 'HS256' })}.${payload.toString('base64url')}`;
    const token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    assert.equal(await reasonOf(token), 'malformed');
  });

  it('are refused with an end beyond all numbers', async () => {
    const payload = Buffer.from('{"iss":"https://idp.test","aud":"api","exp":1e999}').toString('base64url');
    const input = `${encode({ alg: 'HS256' })}.${payload}`;
    const token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    assert.equal(await reasonOf(token), 'claim');
  });

  it('may be up to the tolerance too late and too early', async () => {
    assert.equal(
      await reasonOf(sign({ ...good, exp: nowSeconds() - 59, nbf: nowSeconds() + 59 })),
      'accepted',
    );
  });

  it('need neither issuer nor audience when none is asked for', async () => {
    assert.equal(await reasonOf(sign({}), verifier({ issuer: undefined, audiences: [] })), 'accepted');
  });
});

describe('claims of a token signed with a private key', () => {
  const issuer = createTestIssuer();
  const verify = createClaimsVerifier({
    issuer: issuer.issuer,
    audiences: [issuer.audience],
    algorithms: ['ES256'],
    keys: issuer.keys,
  });

  it('are those of its payload', async () => {
    assert.equal((await verify(await issuer.sign({ sub: 'u-7' })))['sub'], 'u-7');
  });

  it('are refused for an unknown key', async () => {
    assert.equal(await reasonOf(await issuer.sign({}, { kid: 'other' }), verify), 'unknown-key');
  });

  it('are refused when the public key served as a secret', async () => {
    const kid = issuer.jwks.keys[0]?.['kid'];
    const publicText = JSON.stringify(issuer.jwks.keys[0]);
    const token = sign({ iss: issuer.issuer, aud: issuer.audience }, { secret: publicText, header: { kid } });
    assert.equal(await reasonOf(token, verify), 'algorithm');
  });
});

describe('options', () => {
  const { keys } = createTestIssuer();
  it('that mix secrets and public keys, or have no algorithm, are refused', () => {
    assert.throws(() => verifier({ algorithms: ['HS256', 'RS256'] }), RangeError);
    assert.throws(() => verifier({ algorithms: ['none'] }), RangeError);
    assert.throws(() => verifier({ algorithms: [] }), RangeError);
    assert.throws(() => verifier({ keys, algorithms: ['HS256'] }), RangeError);
    assert.throws(() => verifier({ keys: { secret: 'x'.repeat(31) } }), RangeError);
    assert.throws(() => verifier({ clockToleranceSeconds: Number.NaN }), RangeError);
  });
});
