import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ROLES, type Role } from '../deps.ts';

/** Signed statements that somebody may come in, and as what: links that work once, and the sessions that they open. */
export interface Tickets {
  /** For a link; it works once, within an hour. */
  issueLogin(role: Role, nowMs: number): string;
  /** As what it lets in; `undefined`: forged, too old, or used before. */
  redeemLogin(ticket: string, nowMs: number): Role | undefined;
  issueSession(role: Role, nowMs: number): string;
  /** Whose session it is; `undefined`: nobody's. */
  roleOf(ticket: string, nowMs: number): Role | undefined;
}

const LOGIN_MS = 3_600_000;
export const SESSION_MS = 12 * 3_600_000;

/** `secret` is known to the supervisor and to the console, so that either can issue a link. */
export function createTickets(secret: string): Tickets {
  const used = new Map<string, number>();

  /** The role is part of what is signed: no link or session of the one is one of the other. */
  function sign(purpose: string, role: Role, expiresMs: number, nonce: string): string {
    const statement = [purpose, role, expiresMs, nonce].join('\n');
    return createHmac('sha256', secret).update(statement).digest('base64url');
  }

  function issue(purpose: string, role: Role, expiresMs: number): string {
    const nonce = randomBytes(12).toString('base64url');
    return `${expiresMs}.${role}.${nonce}.${sign(purpose, role, expiresMs, nonce)}`;
  }

  function validRole(purpose: string, ticket: string, nowMs: number): Role | undefined {
    const [expires = '', named = '', nonce = '', signature = ''] = ticket.split('.');
    const role = ROLES.find((one) => one === named);
    if (role === undefined || !(Number(expires) > nowMs)) return undefined;
    const expected = Buffer.from(sign(purpose, role, Number(expires), nonce));
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected) ? role : undefined;
  }

  return {
    issueLogin: (role, nowMs) => issue('login', role, nowMs + LOGIN_MS),
    redeemLogin: (ticket, nowMs) => {
      for (const [old, expiresMs] of used) if (expiresMs <= nowMs) used.delete(old);
      const role = used.has(ticket) ? undefined : validRole('login', ticket, nowMs);
      if (role !== undefined) used.set(ticket, Number(ticket.split('.')[0]));
      return role;
    },
    issueSession: (role, nowMs) => issue('session', role, nowMs + SESSION_MS),
    roleOf: (ticket, nowMs) => validRole('session', ticket, nowMs),
  };
}
