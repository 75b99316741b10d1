import { createRevocations, type Revocation, type Revocations, revocationsUnavailable } from '@flotilla/auth';
import { accept, type Clock, createValidator, type Result, reject } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { fromCloudEvent, type Transport, type Watch } from '@flotilla/messaging';
import type { Logger, Metrics } from '@flotilla/telemetry';

/** What ends tokens before they expire, as the issuer announces it. */
export interface RevocationFeed extends Pick<Revocations, 'revokes'> {
  /** Reads it from the bus from now on, and what happened within the life of a token. */
  follow(transport: Pick<Transport, 'watch'>): Watch;
  /** Is it known what happened before this process started? */
  isCaughtUp(): boolean;
}

export interface RevocationFeedDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Longer than any access token lives, and as long as the bus keeps notices. */
const LIFE_SECONDS = 540;
const TOLERANCE_SECONDS = 60;
const KEPT_SECONDS = LIFE_SECONDS + TOLERANCE_SECONDS;

export const SESSION_ENDED = 'identity.session-ended.v1';
export const ACCOUNT_CHANGED = 'identity.account-changed.v1';

const time = s.string({ format: 'date-time' });
const isEnded = createValidator(
  s.tolerant(s.object({ userId: s.string(), sessionId: s.optional(s.string()), endedAt: time })),
);
const isChanged = createValidator(s.tolerant(s.object({ userId: s.string(), changedAt: time })));

/** How long a process that has just started waits for a bus that is away. */
const CATCH_UP_MS = 10_000;

/**
 * Until what happened lately is known, asking throws `AUTH_REVOCATIONS_UNAVAILABLE`: a process that has just started must not let pass what
 * its neighbours refuse. After ten seconds without the bus it serves all the same: then tokens serve until their end, as everywhere without
 * the bus. Without `follow` nothing is ever revoked.
 */
export function createRevocationFeed({ clock, logger, metrics }: RevocationFeedDeps): RevocationFeed {
  const known = metrics.gauge(
    'auth_revocations_known',
    'Ended sessions and changed accounts whose tokens are refused.',
    [],
    '{revocation}',
  );
  const revocations = createRevocations({
    tokenLifetimeSeconds: LIFE_SECONDS,
    clockToleranceSeconds: TOLERANCE_SECONDS,
    onForgotten: () =>
      logger.warn({}, 'too many sessions ended at once: the tokens of some serve until their end'),
  });
  let waitsUntilMs = 0;
  const nowMs = () => clock.now().getTime();

  function take(type: string, body: string): void {
    const read = readRevocation(type, body);
    if (read.ok) revocations.add(read.value, nowMs());
    else logger.error({ type, why: read.rejection }, 'a revocation could not be read');
    known.set(revocations.size);
  }

  return {
    revokes: (principal) => {
      if (waitsUntilMs > 0 && nowMs() < waitsUntilMs) throw revocationsUnavailable();
      return revocations.revokes(principal);
    },
    isCaughtUp: () => waitsUntilMs === 0 || nowMs() >= waitsUntilMs,
    follow: (transport) => {
      waitsUntilMs = nowMs() + CATCH_UP_MS;
      const watch = transport.watch({
        types: [SESSION_ENDED, ACCOUNT_CHANGED],
        sinceSeconds: KEPT_SECONDS,
        onNotice: ({ type, body }) => take(type, body),
      });
      void watch.caughtUp.then(() => {
        waitsUntilMs = 0;
      });
      return watch;
    },
  };
}

function readRevocation(type: string, body: string): Result<Revocation, string> {
  const message = fromCloudEvent(body);
  if (!message.ok) return message;
  const { data } = message.value;
  if (type === ACCOUNT_CHANGED) {
    const changed = isChanged(data);
    if (!changed.ok) return reject('it does not match its schema');
    const { userId: subject, changedAt } = changed.value;
    return accept({ kind: 'account-changed', subject, at: new Date(changedAt) });
  }
  const ended = isEnded(data);
  if (!ended.ok) return reject('it does not match its schema');
  const { userId: subject, sessionId, endedAt } = ended.value;
  const at = new Date(endedAt);
  // Without a session all of the user's have ended: every token from before.
  return accept(
    sessionId === undefined
      ? { kind: 'account-changed', subject, at }
      : { kind: 'session-ended', sessionId, at },
  );
}
