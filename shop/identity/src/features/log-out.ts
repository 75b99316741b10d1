import type { RefreshTokens, Sessions } from '@flotilla/auth/provider';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';

export interface LogOutDeps {
  readonly db: Database;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
}

/** Ends the session of any of its refresh tokens, a used one too. An unknown one is nothing to end. */
export async function logOut(
  { db, sessions, refreshTokens }: LogOutDeps,
  refreshToken: string,
): Promise<void> {
  crashPoint('identity.before-log-out');
  await db.transaction(async (tx) => {
    const token = await refreshTokens.lock(tx, refreshToken);
    // What a client of OpenID Connect holds is revoked by that client.
    if (token?.sessionId !== undefined && token.grantId === undefined)
      await sessions.end(tx, token.sessionId, 'signed-out');
  });
  crashPoint('identity.after-log-out');
}
