import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** What an answer says instead of what it should. */
export interface Lies {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly id?: string;
  readonly userHandle?: string | undefined;
  readonly counter?: number;
  readonly isUserVerified?: boolean;
  readonly attestation?: Buffer;
  readonly algorithm?: number;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

/** An authenticator with one passkey (P-256), as a browser hands its answers on. Tests make it lie. */
export function createAuthenticator(origin: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = randomBytes(16);
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  let counter = 0;
  let userHandle: string | undefined;

  function clientData(type: string, challenge: string, lies: Lies): Buffer {
    const said = { type: lies.type ?? type, challenge: lies.challenge ?? challenge };
    return Buffer.from(JSON.stringify({ ...said, origin: lies.origin ?? origin, crossOrigin: false }));
  }

  function authenticatorData(rpId: string, flags: number, lies: Lies): Buffer {
    counter += 1;
    const verified = lies.isUserVerified === false ? 0 : USER_VERIFIED;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.counter ?? counter);
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.of(flags | USER_PRESENT | verified), count]);
  }

  const described = (response: object, lies: Lies) => {
    const text = lies.id ?? id.toString('base64url');
    return JSON.stringify({
      id: text,
      rawId: text,
      type: 'public-key',
      response,
      clientExtensionResults: {},
    });
  };

  return {
    id: id.toString('base64url'),
    /** Answers the options of a page for a new passkey. */
    create: (optionsText: string, lies: Lies = {}): string => {
      const options = JSON.parse(optionsText);
      userHandle = options.user.id;
      const credential = Buffer.concat([
        ...[Buffer.alloc(16), Buffer.of(0, id.length), id],
        coseKey(Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'), lies.algorithm),
      ]);
      const data = Buffer.concat([authenticatorData(options.rp.id, HAS_CREDENTIAL, lies), credential]);
      const attestationObject = lies.attestation ?? unattested(data);
      return described(
        {
          clientDataJSON: clientData('webauthn.create', options.challenge, lies).toString('base64url'),
          attestationObject: attestationObject.toString('base64url'),
          transports: ['internal', 'made-up'],
        },
        lies,
      );
    },
    /** Answers the options of a page that asks for a passkey. */
    get: (optionsText: string, lies: Lies = {}): string => {
      const options = JSON.parse(optionsText);
      const client = clientData('webauthn.get', options.challenge, lies);
      const data = authenticatorData(options.rpId, 0, lies);
      return described(
        {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: sign('sha256', Buffer.concat([data, sha256(client)]), privateKey).toString('base64url'),
          userHandle: 'userHandle' in lies ? lies.userHandle : userHandle,
        },
        lies,
      );
    },
  };
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

/** The options that a page holds for its script. */
export function optionsOf(page: { readonly text: string }, kind: 'get' | 'create'): string {
  const [, json = ''] = new RegExp(`data-passkey="${kind}" data-options="([^"]*)"`).exec(page.text) ?? [];
  return json.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** CBOR: {1: 2, 3: algorithm, -1: 1, -2: x, -3: y}. */
function coseKey(x: Buffer, y: Buffer, algorithm = -7): Buffer {
  const alg = algorithm === -7 ? Buffer.of(0x26) : Buffer.of(0x38, -1 - algorithm);
  return Buffer.concat([
    ...[Buffer.of(0xa5, 0x01, 0x02, 0x03), alg, Buffer.of(0x20, 0x01)],
    ...[Buffer.of(0x21, 0x58, x.length), x, Buffer.of(0x22, 0x58, y.length), y],
  ]);
}

/** CBOR: {fmt, attStmt, authData}. */
function unattested(authData: Buffer): Buffer {
  return attestation('none', Buffer.of(0xa0), authData);
}

export function attestation(format: string, statement: Buffer, authData: Buffer): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(0x60 + value.length), Buffer.from(value)]);
  const length = Buffer.of(0x59, authData.length >> 8, authData.length & 0xff);
  return Buffer.concat([
    ...[Buffer.of(0xa3), text('fmt'), text(format), text('attStmt'), statement],
    ...[text('authData'), length, authData],
  ]);
}
