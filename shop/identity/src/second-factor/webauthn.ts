import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Seal } from '@flotilla/auth';
import { accept, type Clock, type Result, reject } from '@flotilla/kernel';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import type { StoredAccount } from '../account-store.ts';
import type { Passkey } from './passkey-store.ts';

/** Why a browser's answer counts for nothing: for logs; a user is told to try again. */
export interface CeremonyRefusal {
  readonly reason: string;
}

export interface Challenge {
  readonly text: string;
  readonly goodUntil: Date;
}

export interface Asserted {
  readonly challenge: Challenge;
  readonly counter: number;
}

export type Registered = Pick<Passkey, 'id' | 'publicKey' | 'counter' | 'transports' | 'isSynced'> & {
  readonly challenge: Challenge;
};

/**
 * What browsers are asked, and what their answers are worth (WebAuthn). `context` binds a challenge to its place: a login, or the
 * account that a passkey is added to. A challenge is good for ten minutes; that it is good once is for the store to see to.
 */
export interface Ceremonies {
  /** Options of `navigator.credentials.get`, as JSON. Without passkeys: whichever the browser has for this issuer. */
  ask(context: string, passkeys?: readonly Passkey[]): string;
  /** Options of `navigator.credentials.create`, as JSON. */
  askNew(context: string, account: StoredAccount, passkeys: readonly Passkey[]): string;
  /** Whose key it would be. `undefined`: it is no answer of a browser. */
  parse(text: string): AssertionText | undefined;
  checkUse(
    answer: AssertionText,
    passkey: Passkey,
    context: string,
  ): Promise<Result<Asserted, CeremonyRefusal>>;
  checkNew(text: string, context: string): Promise<Result<Registered, CeremonyRefusal>>;
}

export interface AssertionText {
  readonly id: string;
  readonly response: AuthenticationResponseJSON;
}

const LIFE_MS = 10 * 60_000;
const MAX_TEXT = 16 * 1_024;
/** EdDSA, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257];

/** By whose name passkeys are kept. `undefined`: browsers have none for an address without a name. */
export function relyingPartyOf(issuer: string): { readonly id: string; readonly origin: string } | undefined {
  const { hostname, origin } = new URL(issuer);
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { id: hostname, origin } : undefined;
}

/** `undefined`: the issuer has no name that passkeys could be kept by. */
export function createCeremonies(
  issuer: string,
  seal: Seal,
  clock: Pick<Clock, 'now'>,
): Ceremonies | undefined {
  const party = relyingPartyOf(issuer);
  if (party === undefined) return undefined;
  const { id: rpId, origin } = party;
  const expected = { expectedOrigin: origin, expectedRPID: rpId, requireUserVerification: true };

  /** It is what it says by itself: sealed for its place, with its end. */
  function challengeFor(context: string): string {
    const until = clock.now().getTime() + LIFE_MS;
    const text = JSON.stringify([until, randomBytes(16).toString('base64url')]);
    return seal.seal(Buffer.from(text), `challenge for ${context}`).toString('base64url');
  }

  function read(text: string, context: string): Challenge | undefined {
    try {
      const opened = seal.open(Buffer.from(text, 'base64url'), `challenge for ${context}`);
      const [until] = JSON.parse(opened.toString()) as [number];
      return clock.now().getTime() < until ? { text, goodUntil: new Date(until) } : undefined;
    } catch {
      return undefined; // made up, or for another place
    }
  }

  /** Whatever is wrong with an answer, the library throws. */
  async function check<T>(
    context: string,
    run: (isExpected: (challenge: string) => boolean) => Promise<T | undefined>,
  ): Promise<Result<T & { readonly challenge: Challenge }, CeremonyRefusal>> {
    let challenge: Challenge | undefined;
    try {
      const outcome = await run((text) => {
        challenge = read(text, context);
        return challenge !== undefined;
      });
      if (outcome === undefined || challenge === undefined)
        return reject({ reason: 'the signature is wrong' });
      return accept({ ...outcome, challenge });
    } catch (error) {
      return reject({ reason: error instanceof Error ? error.message : String(error) });
    }
  }

  return {
    ask: (context, passkeys = []) =>
      JSON.stringify({
        ...{ challenge: challengeFor(context), rpId, userVerification: 'required', timeout: LIFE_MS },
        allowCredentials: passkeys.map(described),
      }),
    askNew: (context, { id, email, name }, passkeys) =>
      JSON.stringify({
        challenge: challengeFor(context),
        rp: { id: rpId, name: 'Flotilla' },
        user: { id: handleOf(id), name: email, displayName: name },
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ alg, type: 'public-key' })),
        excludeCredentials: passkeys.map(described),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        ...{ attestation: 'none', timeout: LIFE_MS },
      }),
    parse: (text) => {
      const response = parsed(text);
      return response && { id: response.id, response: response as AuthenticationResponseJSON };
    },
    checkUse: ({ response }, passkey, context) =>
      check(context, async (expectedChallenge) => {
        const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
        const { id, accountId, publicKey } = passkey;
        const handle = response.response.userHandle;
        if (handle !== undefined && handle !== null && handle !== handleOf(accountId))
          throw new TypeError('the passkey is of another account');
        // The counter is compared afterwards, when it is known that the key itself says so.
        const credential = { id, publicKey: new Uint8Array(publicKey), counter: 0 };
        const options = { ...expected, response, expectedChallenge, credential };
        const { verified, authenticationInfo } = await verifyAuthenticationResponse(options);
        return verified ? { counter: authenticationInfo.newCounter } : undefined;
      }),
    checkNew: (text, context) =>
      check(context, async (expectedChallenge) => {
        const response = parsed(text) as RegistrationResponseJSON | undefined;
        if (response === undefined) throw new TypeError('it is no answer of a browser');
        const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
        await refuseCertificates(response);
        const supportedAlgorithmIDs = ALGORITHMS;
        const options = { ...expected, response, expectedChallenge, supportedAlgorithmIDs };
        const { verified, registrationInfo } = await verifyRegistrationResponse(options);
        if (!verified) return undefined;
        const { credential, credentialDeviceType } = registrationInfo;
        return {
          ...{ id: credential.id, publicKey: Buffer.from(credential.publicKey), counter: credential.counter },
          transports: knownTransports(response.response.transports),
          isSynced: credentialDeviceType === 'multiDevice',
        };
      }),
  };
}

/** Nobody is asked which make a key is of: certificates would be looked up at addresses that they name themselves. */
async function refuseCertificates(response: RegistrationResponseJSON): Promise<void> {
  const { decodeAttestationObject, isoBase64URL } = await import('@simplewebauthn/server/helpers');
  const object = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
  const format = object.get('fmt');
  const isSelfMade = format === 'packed' && object.get('attStmt').get('x5c') === undefined;
  if (format !== 'none' && !isSelfMade)
    throw new TypeError('it came with an attestation that nobody asked for');
}

function described({ id, transports }: Passkey) {
  return { id, type: 'public-key', transports };
}

/** What an authenticator keeps of an account: the id and nothing that says who it is. */
function handleOf(accountId: string): string {
  return Buffer.from(accountId.replaceAll('-', ''), 'hex').toString('base64url');
}

const TRANSPORTS = new Set(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

function knownTransports(given: unknown): readonly string[] {
  return Array.isArray(given) ? [...new Set(given)].filter((one) => TRANSPORTS.has(one)) : [];
}

interface CredentialJson {
  readonly id: string;
  readonly response: object;
}

function parsed(text: string): CredentialJson | undefined {
  if (text === '' || text.length > MAX_TEXT) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isCredential =
      typeof value === 'object' &&
      value !== null &&
      'id' in value &&
      typeof value.id === 'string' &&
      value.id.length <= 1_400 &&
      /^[\w-]+$/.test(value.id) &&
      'response' in value &&
      typeof value.response === 'object' &&
      value.response !== null;
    return isCredential ? (value as CredentialJson) : undefined;
  } catch {
    return undefined; // no JSON
  }
}
