import { createHash } from 'node:crypto';
import type { Claims, Tokens } from './issuer.ts';
import type { ValueSeal } from './seal.ts';
import type { SessionRow } from './session-store.ts';

/** What is known of whoever is signed in. */
export interface SessionUser {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly tenantId: string | null;
}

/** Somebody who is signed in. */
export interface Session {
  readonly idHash: Buffer;
  readonly version: number;
  readonly user: SessionUser;
  readonly issuerSession: string | undefined;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly accessExpiresAt: Date;
  readonly idleUntil: Date;
  readonly endsAt: Date;
}

interface Sealed {
  readonly user: SessionUser;
  readonly accessToken: string;
  readonly refreshToken?: string;
}

/** Between rows, where everything that could be presented is sealed, and sessions. */
export interface SessionCodec {
  /** Throws `BFF_SEAL_BROKEN`. */
  open(row: SessionRow): Session;
  seal(idHash: Buffer, user: SessionUser, tokens: Pick<Tokens, 'accessToken' | 'refreshToken'>): Buffer;
}

export function createSessionCodec(seal: ValueSeal): SessionCodec {
  return {
    open: ({ sealed, subject: _subject, ...rest }) => {
      const held = seal.open(sealed, keyOf(rest.idHash)) as Sealed; // `seal` below put it there
      return { ...rest, user: held.user, accessToken: held.accessToken, refreshToken: held.refreshToken };
    },
    seal: (idHash, user, { accessToken, refreshToken }) => {
      const held: Sealed = { user, accessToken, ...(refreshToken !== undefined && { refreshToken }) };
      return seal.seal(held, keyOf(idHash));
    },
  };
}

const ID = /^[A-Za-z0-9_-]{43}$/;

/** What a session is found by: its id itself is kept nowhere. `undefined` = it is no id of ours. */
export function hashOf(id: string): Buffer | undefined {
  return ID.test(id) ? createHash('sha256').update(id).digest() : undefined;
}

export function keyOf(idHash: Buffer): string {
  return idHash.toString('base64url');
}

/** As the issuer says it of whoever has signed in. */
export function userOf(claims: Claims): SessionUser {
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : null);
  return { id: claims.sub, name: text('name'), email: text('email'), tenantId: text('tenant_id') };
}
