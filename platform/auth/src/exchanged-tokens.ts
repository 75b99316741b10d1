import { BoundedMap, type Clock, systemClock, within } from '@flotilla/kernel';
import { serviceTokenUnavailable, tokenInvalid } from './errors.ts';
import { tokenKey } from './verified-tokens.ts';

export interface ExchangedTokensOptions {
  /** Asks the issuer for this user's token for one callee (RFC 8693). `undefined`: the issuer does not take the user's token any more. */
  readonly exchange: (
    userToken: string,
    signal: AbortSignal,
  ) => Promise<{ readonly accessToken: string; readonly expiresInSeconds: number } | undefined>;
  readonly clock?: Pick<Clock, 'now'>;
  /** Deadline of one request. Default 5,000. */
  readonly timeoutMs?: number;
  /** Users' tokens remembered until they expire, the least recently used dropped first. Default 10,000. */
  readonly maxCachedTokens?: number;
}

interface Held {
  readonly token: Promise<string>;
  endsAtMs: number;
}

/**
 * Tokens of users for one callee: one request for each token, however many calls wait for it, and kept until its end. Throws
 * `AUTH_TOKEN_INVALID` for a token that the issuer refuses, and `AUTH_SERVICE_TOKEN_UNAVAILABLE` (retryable) without an answer.
 */
export function createExchangedTokens(
  options: ExchangedTokensOptions,
): (userToken: string) => Promise<string> {
  const { exchange, clock = systemClock, timeoutMs = 5_000, maxCachedTokens = 10_000 } = options;
  const held = new BoundedMap<string, Held>(maxCachedTokens);
  const nowMs = () => clock.now().getTime();

  async function ask(userToken: string) {
    const given = await within(timeoutMs, (signal) => exchange(userToken, signal)).catch((error) => {
      throw serviceTokenUnavailable(error);
    });
    if (given === undefined) throw tokenInvalid('delegation');
    return given;
  }

  function fetchNew(key: string, userToken: string): Held {
    const entry: Held = {
      endsAtMs: Number.POSITIVE_INFINITY,
      token: ask(userToken).then(
        ({ accessToken, expiresInSeconds }) => {
          entry.endsAtMs = nowMs() + expiresInSeconds * 1_000;
          return accessToken;
        },
        (error: unknown) => {
          if (held.get(key) === entry) held.delete(key);
          throw error;
        },
      ),
    };
    held.set(key, entry);
    return entry;
  }

  return async (userToken) => {
    const key = tokenKey(userToken);
    const known = held.renew(key);
    const isGood = known !== undefined && nowMs() < known.endsAtMs;
    return await (isGood ? known : fetchNew(key, userToken)).token;
  };
}
