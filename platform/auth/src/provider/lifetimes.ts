/** How long what a login gives lives. One table for password logins and OpenID Connect alike. */
export interface Lifetimes {
  /** A session ends so long after its login, whatever happens. */
  readonly sessionSeconds: number;
  /** A session that nobody uses ends after this; so does a refresh token that is not exchanged. */
  readonly idleSeconds: number;
  /** A used refresh token is given its successor again for this long, while that is unused. */
  readonly repeatSeconds: number;
  readonly accessTokenSeconds: number;
  readonly serviceTokenSeconds: number;
  readonly idTokenSeconds: number;
  readonly codeSeconds: number;
  /** How long a login page may be left open. */
  readonly interactionSeconds: number;
  /** A pushed authorization request waits for its browser this long. */
  readonly pushedRequestSeconds: number;
}

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

export const LIFETIMES: Lifetimes = {
  sessionSeconds: 30 * DAY,
  idleSeconds: 14 * DAY,
  repeatSeconds: 10,
  accessTokenSeconds: 5 * MINUTE,
  serviceTokenSeconds: 5 * MINUTE,
  idTokenSeconds: 60 * MINUTE,
  codeSeconds: MINUTE,
  interactionSeconds: 60 * MINUTE,
  pushedRequestSeconds: MINUTE,
};

/** Until when a session that is used now may rest. */
export function idleUntil(now: Date, expiresAt: Date, { idleSeconds }: Lifetimes): Date {
  return new Date(Math.min(now.getTime() + idleSeconds * 1_000, expiresAt.getTime()));
}
