import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Claims, Exchange, Step } from '../../exchange.ts';
import { fieldValue } from '../../wire/rules/fields.ts';
import type { ApiKeyConfig, ApiKeysConfig } from './api-keys-config.ts';
import { takeParameter } from './token-sources.ts';

export interface ApiKey {
  readonly claims: Claims;
  /** Counts one request of its owner. */
  readonly quota: Step | undefined;
}

/** The keys of one provider. */
export interface ApiKeys {
  /** The key of the request, taken away where it would reach a log. `undefined` = it has none. */
  take(exchange: Exchange): string | undefined;
  /** Whose it is, or why it is nobody's. */
  find(key: string, nowMs: number): ApiKey | 'unknown' | 'expired';
}

/** A new key of 256 random bits, and its hash for the configuration. */
export function newApiKey(): { readonly key: string; readonly hash: string } {
  const key = randomBytes(32).toString('base64url');
  return { key, hash: hash('sha256', key) };
}

/** No key is longer; what is is not even hashed. */
const MAX_KEY_LENGTH = 512;

/**
 * A key is compared by its hash: how long that takes says nothing of any key. Keys are as long as `flotilla gateway key` makes them, so one
 * round of SHA-256 is enough: there is no guessing of what has 256 bits.
 */
export function createApiKeys(
  { header, query, entries }: ApiKeysConfig,
  quotaOf: (entry: ApiKeyConfig) => Step | undefined,
): ApiKeys {
  const known = new Map(
    entries.map((entry) => [
      entry.secretHash,
      {
        entry,
        digest: Buffer.from(entry.secretHash, 'hex'),
        key: { claims: claimsOf(entry), quota: quotaOf(entry) },
      },
    ]),
  );
  return {
    take: (exchange) => {
      const fromQuery = takeParameter(exchange, query);
      return fieldValue(exchange.request.fields, header) ?? fromQuery;
    },
    find: (key, nowMs) => {
      if (key.length > MAX_KEY_LENGTH) return 'unknown';
      const digest = hash('sha256', key, 'buffer');
      const found = known.get(digest.toString('hex'));
      if (found === undefined || !timingSafeEqual(found.digest, digest)) return 'unknown';
      const { endsAtMs } = found.entry;
      return endsAtMs !== undefined && endsAtMs <= nowMs ? 'expired' : found.key;
    },
  };
}

function claimsOf({ id, scopes, claims }: ApiKeyConfig): Claims {
  const all: Claims = new Map([...claims].map(([name, value]) => [name, [value]]));
  all.set('sub', [id]);
  if (scopes.length > 0) all.set('scope', scopes);
  return all;
}
