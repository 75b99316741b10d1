import { periodMs } from '../../grammar/period.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';
import { fieldName } from '../../wire/rules/field-names.ts';

/** Keys of the file, of which it has the hashes alone. */
export interface ApiKeysConfig {
  readonly kind: 'api-keys';
  /** Lower case. */
  readonly header: string;
  readonly query: string | undefined;
  /** The back end gets the key, too. */
  readonly isPassed: boolean;
  readonly entries: readonly ApiKeyConfig[];
}

export interface ApiKeyConfig {
  readonly id: string;
  /** SHA-256 of the key, hex in lower case. */
  readonly secretHash: string;
  readonly scopes: readonly string[];
  readonly claims: ReadonlyMap<string, string>;
  readonly quota: { readonly limit: number; readonly period: string; readonly periodMs: number } | undefined;
  readonly endsAtMs: number | undefined;
}

const QUOTA = {
  Limit: {
    type: 'integer',
    minimum: 1,
    required: true,
    own: true,
    doc: 'Requests with this key in one period.',
  },
  Period: { type: 'string', required: true, own: true, doc: 'Number and unit ms, s, m, h or d.' },
} as const satisfies SectionShape;

const API_KEY = {
  Id: { type: 'string', required: true, own: true, doc: 'Whose key it is: the claim `sub`.' },
  KeyHash: {
    type: 'string',
    required: true,
    own: true,
    doc: 'SHA-256 of the key in hex, as `flotilla gateway key` prints it. Two entries may have the same `Id` while a key is exchanged.',
  },
  Scopes: { type: 'strings', own: true, doc: 'The claim `scope`, for `AllowedScopes`.' },
  Claims: { type: 'map', of: 'string', own: true, doc: 'Further claims of the owner.' },
  Quota: { type: 'object', shape: QUOTA, own: true, doc: 'On all routes together; absent = none.' },
  NotAfter: { type: 'string', own: true, doc: 'When it ends: `2027-01-31T00:00:00Z`.' },
} as const satisfies SectionShape;

const DEFAULT_HEADER = 'X-Api-Key';

/** Of an authentication provider. */
export const API_KEYS = {
  ApiKeys: {
    type: 'objects',
    shape: API_KEY,
    own: true,
    doc: 'Keys in place of tokens, each with its scopes and its quota.',
  },
  ApiKeyHeader: { type: 'string', default: DEFAULT_HEADER, own: true, doc: 'Where clients send their key.' },
  ApiKeyQuery: {
    type: 'string',
    own: true,
    doc: 'Query parameter where clients may send it, too; absent = nowhere else. Proxies in front log it.',
  },
  PassApiKey: { type: 'boolean', default: false, own: true, doc: 'The back end gets the key, too.' },
} as const satisfies SectionShape;

export function readApiKeys(provider: ConfigObject<typeof API_KEYS>): ApiKeysConfig | undefined {
  const { ApiKeys: given, ApiKeyHeader = DEFAULT_HEADER, ApiKeyQuery, PassApiKey = false } = provider.values;
  if (given === undefined) return undefined;
  const { reserved, isSingle, lower } = fieldName(ApiKeyHeader);
  if (!isToken(ApiKeyHeader)) provider.error('ApiKeyHeader', `${ApiKeyHeader} is no name of a header`);
  else if (reserved !== 'no' || isSingle || lower === 'cookie')
    provider.error('ApiKeyHeader', `${ApiKeyHeader} has another meaning`);
  if (ApiKeyQuery && !isToken(ApiKeyQuery)) provider.error('ApiKeyQuery', `${ApiKeyQuery} is no name`);
  const entries = given.map(readApiKey);
  const hashes = new Set<string>();
  for (const [index, { secretHash }] of entries.entries()) {
    if (hashes.has(secretHash)) given[index]?.error('KeyHash', 'another entry has the same key');
    hashes.add(secretHash);
  }
  return { kind: 'api-keys', header: lower, query: ApiKeyQuery || undefined, isPassed: PassApiKey, entries };
}

function readApiKey(entry: ConfigObject<typeof API_KEY>): ApiKeyConfig {
  const { Id: id = '', KeyHash: hash = '', Scopes: scopes = [], Claims, Quota, NotAfter } = entry.values;
  if (id === '') entry.error('Id', 'must be given');
  if (!/^[0-9a-f]{64}$/i.test(hash))
    entry.error('KeyHash', 'must be a SHA-256 in hex: flotilla gateway key prints one');
  const endsAtMs = NotAfter === undefined ? undefined : Date.parse(NotAfter);
  if (Number.isNaN(endsAtMs)) entry.error('NotAfter', 'must be a time such as 2027-01-31T00:00:00Z');
  return {
    id,
    secretHash: hash.toLowerCase(),
    scopes,
    claims: Claims ?? new Map(),
    quota: Quota && readQuota(Quota),
    endsAtMs,
  };
}

function readQuota(quota: ConfigObject<typeof QUOTA>): NonNullable<ApiKeyConfig['quota']> {
  const { Limit: limit = 0, Period: period = '' } = quota.values;
  if (limit === 0) quota.error('Limit', 'must be given');
  const ms = periodMs(period);
  if (ms === undefined) quota.error('Period', 'must be a number and ms, s, m, h or d');
  return { limit, period, periodMs: ms ?? 1 };
}
