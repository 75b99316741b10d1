import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import type { StoredAccount } from '../account-store.ts';
import { identitySeal } from '../seal.ts';
import { type Authenticator, attestation, createAuthenticator, type Lies } from '../testing/authenticator.ts';
import type { Passkey } from './passkey-store.ts';
import { type Ceremonies, createCeremonies, relyingPartyOf } from './webauthn.ts';

const ORIGIN = 'https://shop.example';
const ISSUER = `${ORIGIN}/identity`;
const PLACE = 'the login 1';
const account = {
  ...{ id: '01935f3e-0000-7000-8000-000000000001', email: 'kim@example.com', name: 'Kim' },
} as StoredAccount;

describe('passkeys of an issuer', () => {
  const clock = createManualClock(new Date());
  let ceremonies: Ceremonies;
  let authenticator: Authenticator;
  let passkey: Passkey;
  beforeEach(async () => {
    const made = createCeremonies(ISSUER, identitySeal(randomBytes(32)), clock);
    assert.ok(made);
    ceremonies = made;
    authenticator = createAuthenticator(ORIGIN);
    const answer = authenticator.create(ceremonies.askNew(PLACE, account, []));
    const checked = await ceremonies.checkNew(answer, PLACE);
    assert.ok(checked.ok, JSON.stringify(checked));
    const { challenge: _used, ...registered } = checked.value;
    passkey = {
      ...registered,
      ...{ accountId: account.id, name: 'a key', createdAt: clock.now(), lastUsedAt: null },
    };
  });

  const use = async (answer: string, place = PLACE) => {
    const given = ceremonies.parse(answer);
    return given && (await ceremonies.checkUse(given, passkey, place));
  };
  const reasonOf = async (answer: string, place?: string) => {
    const checked = await use(answer, place);
    assert.ok(checked !== undefined && !checked.ok, 'it was taken');
    return checked.rejection.reason;
  };

  it('are kept by its host, and not at all where that is a number', () => {
    assert.deepEqual(relyingPartyOf('http://localhost:8080/identity'), {
      ...{ id: 'localhost', origin: 'http://localhost:8080' },
    });
    assert.equal(relyingPartyOf('http://127.0.0.1:8080/identity'), undefined);
    assert.equal(relyingPartyOf('http://[::1]:8080/identity'), undefined);
  });

  it('are asked for with nothing that says who somebody is, and with their user verified', () => {
    const options = JSON.parse(ceremonies.askNew(PLACE, account, [passkey]));
    assert.equal(Buffer.from(options.user.id, 'base64url').toString('hex'), account.id.replaceAll('-', ''));
    assert.equal(options.authenticatorSelection.userVerification, 'required');
    assert.deepEqual(options.excludeCredentials, [
      { id: authenticator.id, type: 'public-key', transports: ['internal'] },
    ]);
    assert.equal(JSON.parse(ceremonies.ask(PLACE)).userVerification, 'required');
  });

  it('open what they were made for', async () => {
    const checked = await use(authenticator.get(ceremonies.ask(PLACE)));
    assert.ok(checked?.ok, JSON.stringify(checked));
    assert.equal(checked.value.counter, 2);
  });

  for (const [what, lies, reason] of [
    ['of a page that looks like ours', { origin: 'https://shop.example.evil.test' }, /origin/],
    ['for another site', { rpId: 'evil.test' }, /RP ID/],
    [
      'to a challenge that somebody made up',
      { challenge: randomBytes(70).toString('base64url') },
      /hallenge/,
    ],
    ['whose user was not verified', { isUserVerified: false }, /could not be verified/],
    ['that is not for signing in', { type: 'webauthn.create' }, /type/],
    ['in the name of another account', { userHandle: 'AAAAAAAAAAAAAAAAAAAAAA' }, /another account/],
  ] as const satisfies readonly (readonly [string, Lies, RegExp])[])
    it(`take no answer ${what}`, async () => {
      assert.match(await reasonOf(authenticator.get(ceremonies.ask(PLACE), lies)), reason);
    });

  it('take no answer that was given elsewhere, or too late', async () => {
    const answer = authenticator.get(ceremonies.ask('the login 2'));
    assert.match(await reasonOf(answer), /hallenge/);
    const late = authenticator.get(ceremonies.ask(PLACE));
    await clock.advance(10 * 60_000);
    assert.match(await reasonOf(late), /hallenge/);
  });

  it('take no signature of another key', async () => {
    const other = createAuthenticator(ORIGIN);
    const answer = other.get(ceremonies.ask(PLACE), { id: passkey.id });
    assert.match(await reasonOf(answer), /signature/);
  });

  it('take nothing that is no answer', async () => {
    for (const text of [
      '',
      'null',
      '{',
      '{}',
      '{"id":"x"}',
      '{"id":"x","response":null}',
      'x'.repeat(20_000),
    ])
      assert.equal(ceremonies.parse(text), undefined, text.slice(0, 20));
    for (const response of ['{}', '{"clientDataJSON":"e30"}', '{"clientDataJSON":1}'])
      assert.ok(await reasonOf(`{"id":"${passkey.id}","response":${response}}`));
  });

  for (const [what, lies, reason] of [
    ['of another page', { origin: 'https://evil.test' }, /origin/],
    ['whose user was not verified', { isUserVerified: false }, /could not be verified/],
    ['of a kind of key that was not offered', { algorithm: -47 }, /alg/],
    [
      'with a certificate, which would name addresses to ask',
      // CBOR: {"x5c": []}
      { attestation: attestation('packed', Buffer.from('a16378356380', 'hex'), Buffer.alloc(37)) },
      /attestation/,
    ],
  ] as const satisfies readonly (readonly [string, Lies, RegExp])[])
    it(`add no passkey ${what}`, async () => {
      const options = ceremonies.askNew(PLACE, account, []);
      const checked = await ceremonies.checkNew(createAuthenticator(ORIGIN).create(options, lies), PLACE);
      assert.ok(!checked.ok);
      assert.match(checked.rejection.reason, reason);
    });
});
