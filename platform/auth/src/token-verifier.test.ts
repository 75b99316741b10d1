import assert from 'node:assert/strict';
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign as signBytes,
} from 'node:crypto';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import type { KeySource } from './key-set.ts';
import { createStaticKeys } from './remote-keys.ts';
import { createRevocations } from './revocations.ts';
import { createTestIssuer } from './testing/index.ts';
import { admitTokens, createTokenVerifier, type VerifyToken } from './token-verifier.ts';

const issuer = createTestIssuer();
const kid = String(issuer.jwks.keys[0]?.['kid']);

async function refusal(token: string, verify: VerifyToken = issuer.verify): Promise<string> {
  try {
    await verify(token);
  } catch (error) {
    const { code, retryable, details } = error as {
      code: string;
      retryable: boolean;
      details: { reason: string };
    };
    assert.equal(code, 'AUTH_TOKEN_INVALID');
    assert.equal(retryable, false);
    return details.reason;
  }
  return 'accepted';
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string) => token.split('.')[1] ?? '';

/** A token with any header over the payload of a valid one, and any signature. */
async function forge(header: object, sign: (input: string) => string | Promise<string>): Promise<string> {
  const input = `${encode({ typ: 'at+jwt', kid, ...header })}.${payloadOf(await issuer.sign())}`;
  return `${input}.${await sign(input)}`;
}

describe('a valid token', () => {
  it('becomes the principal that its claims describe', async () => {
    const token = await issuer.sign({
      sub: 'u-1',
      email: 'a@b.c',
      name: 'A',
      role: 'Admin',
      tenant_id: 't',
      client_id: 'web-app',
      sid: 's-1',
      iat: 1_700_000_000,
      scope: 'orders.read orders.write',
      permissions: ['orders.write'],
    });
    assert.deepEqual(await issuer.verify(token), {
      subject: 'u-1',
      email: 'a@b.c',
      name: 'A',
      role: 'Admin',
      tenantId: 't',
      clientId: 'web-app',
      sessionId: 's-1',
      issuedAtSeconds: 1_700_000_000,
      scopes: new Set(['orders.read', 'orders.write']),
      permissions: new Set(['orders.write']),
      token,
    });
  });

  it('may name several audiences, ours among them', async () => {
    assert.equal(await refusal(await issuer.sign({ aud: ['other', 'flotilla'] })), 'accepted');
  });

  it('still works after each forgery that was made from it', async () => {
    const token = await issuer.sign();
    await issuer.verify(token);
    const [header, payload, signature = ''] = token.split('.');
    for (const forged of [
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(2)}`,
      `${token}.x`,
    ]) {
      assert.notEqual(await refusal(forged), 'accepted');
      assert.equal(await refusal(token), 'accepted');
    }
  });
});

describe('algorithms and keys', () => {
  it('are never taken from the token: none in any spelling is refused', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      for (const signature of ['', 'AA'])
        assert.notEqual(await refusal(await forge({ alg }, () => signature)), 'accepted');
    }
  });

  it('refuse HMAC with the public key in every form, and with well-known secrets', async () => {
    const jwk = issuer.jwks.keys[0] as JsonWebKey;
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const pem = key.export({ type: 'spki', format: 'pem' });
    const der = key.export({ type: 'spki', format: 'der' });
    for (const secret of [pem, ` ${pem}`, der, JSON.stringify(jwk), '', 'secret', 'your-256-bit-secret']) {
      const token = await forge({ alg: 'HS256' }, (input) =>
        createHmac('sha256', secret).update(input).digest('base64url'),
      );
      assert.equal(await refusal(token), 'algorithm');
    }
  });

  it('refuse a key of another kind, also when the algorithm is allowed', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = createStaticKeys({
      keys: [...issuer.jwks.keys, { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' }],
    });
    const verify = createTokenVerifier({ ...settings, algorithms: ['ES256', 'RS256'], keys });
    const asRsa = await forge({ alg: 'RS256' }, (input) =>
      signBytes('sha256', Buffer.from(input), rsa.privateKey).toString('base64url'),
    );
    assert.equal(await refusal(asRsa, verify), 'algorithm', 'the kid is that of an EC key');
    assert.equal(await refusal(await issuer.sign({}, { kid: 'rsa' }), verify), 'algorithm');
  });

  it('refuse empty, zero and DER signatures, and a key of another curve', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    for (const sign of [
      () => Buffer.alloc(64).toString('base64url'),
      (input: string) => signBytes('sha256', Buffer.from(input), other.privateKey).toString('base64url'),
      () => Buffer.alloc(70, 0x30).toString('base64url'),
    ])
      assert.equal(await refusal(await forge({ alg: 'ES256' }, sign)), 'signature');
  });

  it('look the key up exactly: strange key ids find nothing', async () => {
    for (const strange of [
      '',
      '../../dev/null',
      "x' UNION SELECT '1';--",
      '|sleep 10',
      '__proto__',
      'constructor',
      'k'.repeat(3_000),
    ])
      assert.equal(await refusal(await issuer.sign({}, { kid: strange })), 'unknown-key');
    assert.equal(await refusal(await issuer.sign({}, { kid: undefined })), 'unknown-key');
    assert.equal(await refusal(await issuer.sign({}, { kid: 7 })), 'unknown-key');
  });

  it('never fetch a key that the token brings or points to', async (t) => {
    const fetched = t.mock.method(globalThis, 'fetch', () => Promise.reject(new Error('no connections')));
    const mine = createTestIssuer();
    for (const header of [
      { jku: 'http://169.254.169.254/' },
      { x5u: 'http://attacker.test/' },
      { jwk: mine.jwks.keys[0] },
    ])
      assert.equal(await refusal(await mine.sign({}, { ...header, kid })), 'signature');
    assert.equal(fetched.mock.callCount(), 0);
  });

  it('refuse critical extensions, other types and unencoded payloads', async () => {
    assert.equal(
      await refusal(await forge({ alg: 'ES256', crit: ['x'], x: 1 }, () => 'AA')),
      'critical-header',
    );
    for (const typ of [undefined, 'JWT', 'dpop+jwt', 'at+jwtx'])
      assert.equal(await refusal(await issuer.sign({}, { typ })), 'type');
    assert.notEqual(
      await refusal(await forge({ alg: 'ES256', crit: ['b64'], b64: false }, () => 'AA')),
      'accepted',
    );
  });

  it('must be asymmetric, or no verifier is made', () => {
    for (const algorithms of [[], ['HS256'], ['none'], ['ES256', 'HS512']])
      assert.throws(() => createTokenVerifier({ ...settings, algorithms }), RangeError);
    assert.throws(() => createTokenVerifier({ ...settings, clockToleranceSeconds: 300 }), RangeError);
  });
});

const settings = {
  issuer: issuer.issuer,
  audience: issuer.audience,
  algorithms: ['ES256'],
  keys: issuer.keys,
};

describe('form', () => {
  it('is three canonical base64url segments', async () => {
    const token = await issuer.sign();
    const [header, payload, signature = ''] = token.split('.');
    for (const odd of [
      '',
      'x',
      `${header}.${payload}`,
      `${token}.AA`,
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+/`,
      `${header}..${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith('B') ? 'C' : 'B'}`,
    ])
      assert.notEqual(await refusal(odd), 'accepted', JSON.stringify(odd));
  });

  it('is never encrypted', async () => {
    const header = encode({ alg: 'dir', enc: 'A256GCM' });
    const token = [header, '', 'AAAAAAAAAAAAAAAA', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAA'].join('.');
    assert.equal(await refusal(token), 'malformed');
  });

  it('is at most 8 KiB, whatever is in it', async () => {
    assert.equal(await refusal(await issuer.sign({ name: 'x'.repeat(8_200) })), 'too-large');
  });

  it('has each name once, and valid UTF-8', async () => {
    const raw = (json: string | Buffer) =>
      `${encode({ alg: 'ES256', typ: 'at+jwt', kid })}.${Buffer.from(json).toString('base64url')}.AAAA`;
    for (const json of [
      '{"sub":"a","sub":"b"}',
      '{"a":{"b":1,"\\u0062":2}}',
      Buffer.from([0x7b, 0xff, 0x7d]),
      '[]',
      '"x"',
      '{"a":1}x',
    ])
      assert.equal(await refusal(raw(json)), 'malformed');
    assert.equal(
      await refusal(raw('{"a":{"x":1},"b":{"x":"\\"x\\":"}}')),
      'signature',
      'the same name in two objects',
    );
  });
});

describe('claims', () => {
  const nowSeconds = () => Math.floor(Date.now() / 1000);

  it('tolerate 30 seconds of clock difference and no more', async () => {
    assert.equal(await refusal(await issuer.sign({ exp: nowSeconds() - 20 })), 'accepted');
    assert.equal(await refusal(await issuer.sign({ exp: nowSeconds() - 40 })), 'expired');
    assert.equal(await refusal(await issuer.sign({ nbf: nowSeconds() + 20 })), 'accepted');
    assert.equal(await refusal(await issuer.sign({ nbf: nowSeconds() + 300 })), 'not-yet-valid');
    assert.equal(await refusal(await issuer.sign({ iat: nowSeconds() + 300 })), 'not-yet-valid');
  });

  it('have dates that are whole seconds', async () => {
    for (const exp of ['9999999999', 9_999_999_999.5, 1e20, -1, null, true])
      assert.notEqual(await refusal(await issuer.sign({ exp })), 'accepted', String(exp));
    assert.equal(await refusal(await issuer.sign({ iat: 1.5 })), 'claim');
  });

  it('are for us: audience and issuer match exactly', async () => {
    for (const aud of ['flotilla2', 'flot', 'FLOTILLA', ['other'], [], '', 7])
      assert.equal(await refusal(await issuer.sign({ aud })), 'audience', String(aud));
    for (const iss of ['http://issuer.test/', `${issuer.issuer}/`, 'http://attacker.test', [issuer.issuer]])
      assert.equal(await refusal(await issuer.sign({ iss })), 'issuer', String(iss));
  });

  it('are all there', async () => {
    for (const name of ['iss', 'aud', 'sub', 'exp', 'iat', 'jti'])
      assert.notEqual(await refusal(await issuer.sign({ [name]: undefined })), 'accepted', name);
  });

  it('have the types that they should have', async () => {
    for (const claims of [
      { sub: { id: 'a' } },
      { sub: '' },
      { jti: '' },
      { role: ['Admin'] },
      { scope: ['a'] },
      { permissions: 'orders.write' },
      { permissions: [1] },
    ])
      assert.equal(await refusal(await issuer.sign(claims)), 'claim', JSON.stringify(claims));
  });
});

describe('the service that calls', () => {
  const service = async (claims: object) => (await issuer.verify(await issuer.sign({ ...claims }))).service;

  it('is whose own token it is, or who got the token in exchange for it', async () => {
    assert.equal(await service({ sub: 'order', client_id: 'order' }), 'order');
    assert.equal(await service({ sub: 'u-1', client_id: 'web-app' }), undefined);
    const act = { sub: 'cart', act: { sub: 'web-bff' } };
    assert.equal(await service({ sub: 'u-1', client_id: 'web-app', act }), 'cart', 'the outermost acts now');
  });

  it('has a name, or the token is refused', async () => {
    for (const act of ['cart', {}, { sub: '' }, { sub: 7 }, null, []])
      assert.equal(await refusal(await issuer.sign({ act })), 'claim', JSON.stringify(act));
  });
});

describe('a token that was revoked', () => {
  const at = new Date();
  const iatBefore = Math.floor(at.getTime() / 1_000) - 10;

  it('is refused, verified before or not', async () => {
    const revocations = createRevocations();
    const verify = createTokenVerifier({ ...settings, revocations });
    const token = await issuer.sign({ sub: 'u-1', sid: 's-1', iat: iatBefore });
    const elsewhere = await issuer.sign({ sub: 'u-1', sid: 's-2', iat: iatBefore });
    for (const one of [token, elsewhere]) assert.equal(await refusal(one, verify), 'accepted');
    revocations.add({ kind: 'session-ended', sessionId: 's-1', at }, Date.now());
    assert.equal(await refusal(token, verify), 'revoked');
    assert.equal(await refusal(await issuer.sign({ sub: 'u-1', sid: 's-1' }), verify), 'revoked');
    assert.equal(await refusal(elsewhere, verify), 'accepted', 'another session of the same user');
  });

  it('is refused also when that happens while its key is on the way', async () => {
    const revocations = createRevocations();
    const { promise, resolve } = Promise.withResolvers<void>();
    const keys = { find: (id: string) => promise.then(() => issuer.keys.find(id)) };
    const verify = createTokenVerifier({ ...settings, keys, revocations });
    const refused = refusal(await issuer.sign({ sid: 's-1' }), verify);
    revocations.add({ kind: 'session-ended', sessionId: 's-1', at }, Date.now());
    resolve();
    assert.equal(await refused, 'revoked');
  });

  it('is one from before its account changed; the next one serves', async () => {
    const revocations = createRevocations();
    const verify = createTokenVerifier({ ...settings, revocations });
    revocations.add({ kind: 'account-changed', subject: 'u-1', at }, Date.now());
    assert.equal(await refusal(await issuer.sign({ sub: 'u-1', iat: iatBefore }), verify), 'revoked');
    const after = { sub: 'u-1', iat: Math.ceil(at.getTime() / 1_000) + 1 };
    assert.equal(await refusal(await issuer.sign(after), verify), 'accepted');
    assert.equal(await refusal(await issuer.sign({ sub: 'u-2', iat: iatBefore }), verify), 'accepted');
  });
});

describe('the cache of verified tokens', () => {
  function counting() {
    let lookups = 0;
    const keys: KeySource = {
      find: (id) => {
        lookups += 1;
        return issuer.keys.find(id);
      },
    };
    return { keys, lookups: () => lookups };
  }

  it('verifies a token once, and again never after its end', async () => {
    const clock = createManualClock(new Date());
    const { keys, lookups } = counting();
    const verify = createTokenVerifier({ ...settings, keys, clock });
    const token = await issuer.sign();
    for (let round = 0; round < 3; round += 1) await verify(token);
    assert.equal(lookups(), 1);
    await clock.advance(900_000 + 31_000);
    assert.equal(await refusal(token, verify), 'expired');
  });

  it('is bounded, and drops what was used least recently', async () => {
    const { keys, lookups } = counting();
    const verify = createTokenVerifier({ ...settings, keys, maxCachedTokens: 2 });
    const [a, b, c] = [
      await issuer.sign({ sub: 'a' }),
      await issuer.sign({ sub: 'b' }),
      await issuer.sign({ sub: 'c' }),
    ];
    for (const token of [a, b, a, c, a]) await verify(token);
    assert.equal(lookups(), 3);
    await verify(b);
    assert.equal(lookups(), 4);
  });
});

it('a verifier of another kind is held to revocations and callers, too', async () => {
  const revocations = createRevocations();
  const verify = admitTokens(issuer.verify, { revocations, callers: new Set(['cart']) });
  const token = await issuer.sign({ sid: 's-1' });
  assert.equal(await refusal(token, verify), 'accepted');
  revocations.add({ kind: 'session-ended', sessionId: 's-1', at: new Date() }, Date.now());
  assert.equal(await refusal(token, verify), 'revoked');
  const service = (name: string) => issuer.sign({ sub: name, client_id: name });
  assert.equal((await verify(await service('cart'))).service, 'cart');
  await assert.rejects(service('payment').then(verify), { code: 'AUTH_CALLER_REFUSED' });
});
