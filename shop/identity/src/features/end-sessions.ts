import type { Sessions } from '@flotilla/auth/provider';
import { crashPoint } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';

export interface EndSessionsDeps {
  readonly db: Database;
  readonly sessions: Sessions;
}

/** Signs the owner out of one session. Returns whether it was one of theirs that lived. */
export async function endSession(
  { db, sessions }: EndSessionsDeps,
  { accountId, sessionId }: { readonly accountId: string; readonly sessionId: string },
): Promise<boolean> {
  const own = await sessions.list(accountId);
  if (!own.some(({ id }) => id === sessionId)) return false;
  crashPoint('identity.before-session-end');
  const ended = await db.transaction((tx) => sessions.end(tx, sessionId, 'revoked'));
  crashPoint('identity.after-session-end');
  return ended;
}

/** Signs the owner out everywhere, or everywhere else. */
export async function endSessions(
  { db, sessions }: EndSessionsDeps,
  { accountId, kept }: { readonly accountId: string; readonly kept: string | undefined },
): Promise<void> {
  crashPoint('identity.before-sessions-end');
  await db.transaction((tx) => sessions.endAll(tx, accountId, 'revoked', kept));
  crashPoint('identity.after-sessions-end');
}
