import { createPublicKey, type JsonWebKey, verify as verifySignature } from 'node:crypto';
import { createRevocations, createTokenVerifier } from '@flotilla/auth';
import { createTestIssuer } from '@flotilla/auth/testing';
import type { Figures } from '../report.ts';

export interface VerificationLoad {
  readonly uncached: number;
  readonly cached: number;
}

/** The size of what is looked through for each token: an outage's worth of ended sessions. */
const REVOKED = 100_000;

/**
 * CPU time of one token in a service, in µs, with the claims that the shop's tokens have and a full set of revocations: the first
 * time, and each later one.
 */
export async function measureVerification({ uncached, cached }: VerificationLoad): Promise<Figures> {
  const issuer = createTestIssuer();
  const revocations = createRevocations({ maxEntries: REVOKED });
  for (let n = 0; n < REVOKED; n += 1)
    revocations.add({ kind: 'session-ended', sessionId: `ended-${n}`, at: new Date(0) }, 0);
  const { keys, issuer: iss, audience } = issuer;
  const verify = createTokenVerifier({ issuer: iss, audience, keys, algorithms: ['ES256'], revocations });
  const tokens: string[] = [];
  for (let n = 0; n < uncached; n += 1) tokens.push(await issuer.sign(claimsOf(n)));

  const warmUp = Math.floor(uncached / 5);
  for (const token of tokens.slice(0, warmUp)) await verify(token);
  const first = await cpuMicroseconds(async () => {
    for (const token of tokens.slice(warmUp)) await verify(token);
  });
  // As many clients as are active in a while: the strings are hashed anew each time, as those of new requests are.
  const active = tokens.slice(-1_000);
  const again = async (rounds: number) => {
    for (let n = 0; n < rounds; n += 1) await verify(active[n % active.length] ?? '');
  };
  await again(cached / 5);
  const later = await cpuMicroseconds(() => again(cached));
  return {
    'µs, verified for the first time': first / (uncached - warmUp),
    'µs, verified before': later / cached,
  };
}

/** What no verifier of such tokens can do without: OpenSSL's check of one signature. */
export async function measureSignature({ uncached }: Pick<VerificationLoad, 'uncached'>): Promise<Figures> {
  const issuer = createTestIssuer();
  const [jwk] = issuer.jwks.keys;
  const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  const token = await issuer.sign(claimsOf(0));
  const end = token.lastIndexOf('.');
  const signed = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const check = async (times: number) => {
    for (let n = 0; n < times; n += 1)
      verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  };
  await check(uncached / 5);
  return { 'µs, verified for the first time': (await cpuMicroseconds(() => check(uncached))) / uncached };
}

function claimsOf(n: number): Readonly<Record<string, unknown>> {
  return {
    sub: `01920000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    sid: `session-${n}`,
    client_id: 'web-app',
    email: `customer-${n}@example.com`,
    name: 'Some Customer',
    role: 'Customer',
    tenant_id: 'acme',
    scope: 'openid profile email orders.read orders.write',
    permissions: ['orders.read', 'orders.write'],
  };
}

async function cpuMicroseconds(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
