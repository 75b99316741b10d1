import { type Clock, systemClock, toError, within } from '@flotilla/kernel';
import { serviceTokenUnavailable } from './errors.ts';

export interface ServiceTokensOptions {
  /** Asks the issuer for a token (client credentials). */
  readonly fetchToken: (
    signal: AbortSignal,
  ) => Promise<{ readonly accessToken: string; readonly expiresInSeconds: number }>;
  readonly clock?: Pick<Clock, 'now'>;
  /** Deadline of one request. Default 5,000. */
  readonly timeoutMs?: number;
  /** How long before its end a token is renewed, at most half of its life. Default 60. */
  readonly renewBeforeSeconds?: number;
  /** Told when renewing failed while the held token still serves. */
  readonly onProblem?: (error: Error) => void;
}

const RETRY_MS = 1_000;

/**
 * The service's own token: one request for all callers, kept until shortly before it ends, then renewed in the
 * background while the old one serves. Throws `AUTH_SERVICE_TOKEN_UNAVAILABLE` (retryable) when there is none.
 */
export function createServiceTokens(options: ServiceTokensOptions): () => Promise<string> {
  const { fetchToken, clock = systemClock, timeoutMs = 5_000, renewBeforeSeconds = 60 } = options;
  const { onProblem = () => undefined } = options;
  let held: { readonly token: string; readonly endsAtMs: number } | undefined;
  let renewAtMs = 0;
  let fetching: Promise<string> | undefined;
  const nowMs = () => clock.now().getTime();

  async function fetchNew(): Promise<string> {
    try {
      const { accessToken, expiresInSeconds } = await within(timeoutMs, fetchToken);
      const endsAtMs = nowMs() + expiresInSeconds * 1000;
      renewAtMs = endsAtMs - Math.min(renewBeforeSeconds, expiresInSeconds / 2) * 1000;
      held = { token: accessToken, endsAtMs };
      return accessToken;
    } catch (error) {
      renewAtMs = nowMs() + RETRY_MS;
      throw serviceTokenUnavailable(error);
    } finally {
      fetching = undefined;
    }
  }

  return async () => {
    const current = held !== undefined && nowMs() < held.endsAtMs ? held.token : undefined;
    if (current !== undefined && nowMs() < renewAtMs) return current;
    if (current === undefined) {
      fetching ??= fetchNew();
      return fetching;
    }
    if (fetching === undefined) {
      fetching = fetchNew();
      fetching.catch((error: unknown) => onProblem(toError(error)));
    }
    return current;
  };
}
