import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Signed statements that somebody may come in: links that work once, and the sessions that they open. */
export interface Tickets {
  /** For a link; it works once, within an hour. */
  issueLogin(nowMs: number): string;
  /** `false`: forged, too old, or used before. */
  redeemLogin(ticket: string, nowMs: number): boolean;
  issueSession(nowMs: number): string;
  isSession(ticket: string, nowMs: number): boolean;
}

const LOGIN_MS = 3_600_000;
export const SESSION_MS = 12 * 3_600_000;

/** `secret` is known to the supervisor and to the console, so that either can issue a link. */
export function createTickets(secret: string): Tickets {
  const used = new Map<string, number>();

  function sign(purpose: string, expiresMs: number, nonce: string): string {
    return createHmac('sha256', secret).update(`${purpose}\n${expiresMs}\n${nonce}`).digest('base64url');
  }

  function issue(purpose: string, expiresMs: number): string {
    const nonce = randomBytes(12).toString('base64url');
    return `${expiresMs}.${nonce}.${sign(purpose, expiresMs, nonce)}`;
  }

  function isValid(purpose: string, ticket: string, nowMs: number): boolean {
    const [expires = '', nonce = '', signature = ''] = ticket.split('.');
    const expected = Buffer.from(sign(purpose, Number(expires), nonce));
    const given = Buffer.from(signature);
    const isGenuine = given.length === expected.length && timingSafeEqual(given, expected);
    return isGenuine && Number(expires) > nowMs;
  }

  return {
    issueLogin: (nowMs) => issue('login', nowMs + LOGIN_MS),
    redeemLogin: (ticket, nowMs) => {
      for (const [old, expiresMs] of used) if (expiresMs <= nowMs) used.delete(old);
      if (used.has(ticket) || !isValid('login', ticket, nowMs)) return false;
      used.set(ticket, Number(ticket.split('.')[0]));
      return true;
    },
    issueSession: (nowMs) => issue('session', nowMs + SESSION_MS),
    isSession: (ticket, nowMs) => isValid('session', ticket, nowMs),
  };
}
