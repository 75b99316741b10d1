import { type Clock, systemClock, toError, within } from '@flotilla/kernel';
import { keysUnavailable } from './errors.ts';
import { type KeySet, type KeySource, parseKeySet } from './key-set.ts';

export interface RemoteKeysOptions {
  /** Loads and parses the JWKS document; it should limit the size of what it reads. */
  readonly fetchJwks: (signal: AbortSignal) => Promise<unknown>;
  readonly clock?: Pick<Clock, 'now'>;
  /** Deadline of one load. Default 5,000. */
  readonly timeoutMs?: number;
  /** After a successful load, no unknown key id causes another one for this long. Default 30,000. */
  readonly cooldownMs?: number;
  /** Age at which keys are loaded anew in the background. Default 600,000. */
  readonly refreshAfterMs?: number;
  /** How long keys are used while the issuer cannot be reached. Default 3,600,000. */
  readonly maxStaleMs?: number;
  /** Told about every failed load and every key that was left out. */
  readonly onProblem?: (error: Error) => void;
}

const FIRST_RETRY_MS = 500;

/**
 * Keys of an issuer. `find` throws `AUTH_KEYS_UNAVAILABLE` (retryable) when it cannot know: no keys were ever
 * loaded, those there are too old, or the key id is unknown and the last load failed. A failed, empty or
 * malformed load never drops keys that are there. Loads are single flight; after failures they back off from
 * 0.5 s to the cooldown.
 */
export function createRemoteKeys(options: RemoteKeysOptions): KeySource {
  const { fetchJwks, clock = systemClock, timeoutMs = 5_000, onProblem = () => undefined } = options;
  const { cooldownMs = 30_000, refreshAfterMs = 600_000, maxStaleMs = 3_600_000 } = options;
  let held: { readonly keys: KeySet['keys']; readonly loadedAtMs: number } | undefined;
  let failure: Error | undefined;
  let failures = 0;
  let notBeforeMs = 0;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    try {
      const { keys, refused } = parseKeySet(await within(timeoutMs, fetchJwks));
      held = { keys, loadedAtMs: nowMs() };
      failure = undefined;
      failures = 0;
      notBeforeMs = nowMs() + cooldownMs;
      for (const why of refused) onProblem(new TypeError(`a signing key was left out: ${why}`));
    } catch (error) {
      failure = toError(error);
      notBeforeMs = nowMs() + Math.min(cooldownMs, FIRST_RETRY_MS * 2 ** failures);
      failures += 1;
      onProblem(failure);
    } finally {
      loading = undefined;
    }
  }

  const nowMs = () => clock.now().getTime();
  const refresh = (): Promise<void> => {
    if (loading === undefined && nowMs() >= notBeforeMs) loading = load();
    return loading ?? Promise.resolve();
  };
  const ageMs = () => (held === undefined ? Number.POSITIVE_INFINITY : nowMs() - held.loadedAtMs);

  return {
    find: async (kid) => {
      const known = ageMs() <= maxStaleMs ? held?.keys.get(kid) : undefined;
      if (known === undefined) await refresh();
      else if (ageMs() > refreshAfterMs) void refresh(); // reports its own failure
      const found = ageMs() <= maxStaleMs ? held?.keys.get(kid) : undefined;
      if (found === undefined && failure !== undefined) throw keysUnavailable(failure);
      return found;
    },
  };
}

/** Keys that are there already: for tests and for issuers inside the process. Throws `TypeError` as `parseKeySet`. */
export function createStaticKeys(jwks: unknown): KeySource {
  const { keys } = parseKeySet(jwks);
  return { find: async (kid) => keys.get(kid) };
}
