import type { LogoutNotices, SessionsOptions } from '@flotilla/auth/provider';
import type { Outbox } from '@flotilla/messaging';
import { sessionEnded } from '@shop/contracts';

/** Whoever ends a session, the same are told in its transaction: those who read tokens, and the clients that were signed in to. */
export function tellOfEnds({
  outbox,
  notices,
}: {
  readonly outbox: Outbox;
  readonly notices: Pick<LogoutNotices, 'add'>;
}): SessionsOptions['onEnded'] {
  return async (tx, session) => {
    const { id: sessionId, accountId: userId, endedAt, reason } = session;
    await outbox.publish(tx, sessionEnded, { userId, sessionId, endedAt: endedAt.toISOString(), reason });
    await notices.add(tx, session);
  };
}
