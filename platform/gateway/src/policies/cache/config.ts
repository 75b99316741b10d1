import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface CacheConfig {
  readonly ttlMs: number;
  /** Name for purging. */
  readonly region: string | undefined;
  /** Lower-case name of a request header that is part of the key. */
  readonly keyHeader: string;
  /** The body is part of the key, and methods other than GET and HEAD are cached. */
  readonly hashesBody: boolean;
  /** `origin`: the response's own Cache-Control / Expires decide, `ttlMs` only where they say nothing (RFC 9111). */
  readonly freshness: 'ttl' | 'origin';
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** May hold placeholders of the route: `product:{id}`. */
  readonly tags: readonly string[];
}

const CACHE = {
  TtlSeconds: { type: 'integer', minimum: 0, default: 0, doc: 'How long answers are kept; 0 = not at all.' },
  Region: { type: 'string', doc: 'A name for purging.' },
  Header: {
    type: 'string',
    default: 'OC-Cache-Control',
    doc: 'Request header whose value is part of the key.',
  },
  EnableContentHashing: {
    type: 'boolean',
    default: false,
    doc: 'The request body is part of the key; also methods other than GET and HEAD are cached.',
  },
  Freshness: {
    type: 'string',
    oneOf: ['Ttl', 'Origin'],
    default: 'Ttl',
    own: true,
    doc: '`Origin`: Cache-Control and Expires of the answer decide, `TtlSeconds` where they say nothing.',
  },
  StaleWhileRevalidateSeconds: {
    type: 'integer',
    minimum: 0,
    default: 0,
    own: true,
    doc: 'How long after its end an answer is still given while it is renewed.',
  },
  StaleIfErrorSeconds: {
    type: 'integer',
    minimum: 0,
    default: 0,
    own: true,
    doc: 'How long after its end an answer is given when the back end fails.',
  },
  Tags: { type: 'strings', own: true, doc: 'Names for purging; may hold placeholders: `product:{id}`.' },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const cache = definePolicy({
  keys: {
    CacheOptions: {
      type: 'object',
      also: ['FileCacheOptions'],
      shape: CACHE,
      doc: 'Cache of answers; absent = off.',
    },
  },
  read: ({ own, global, owner }) => ({
    cache: readCache(joinGroup(own?.values.CacheOptions, global?.values.CacheOptions, owner.key)),
  }),
});

/** `undefined` = not cached. */
function readCache(group: Group<typeof CACHE> | undefined): CacheConfig | undefined {
  const ttlSeconds = group?.values.TtlSeconds ?? 0;
  if (group === undefined || ttlSeconds <= 0) return undefined;
  return {
    ttlMs: ttlSeconds * 1000,
    region: group.values.Region,
    keyHeader: (group.values.Header ?? 'OC-Cache-Control').toLowerCase(),
    hashesBody: group.values.EnableContentHashing ?? false,
    freshness: group.values.Freshness === 'Origin' ? 'origin' : 'ttl',
    staleWhileRevalidateMs: (group.values.StaleWhileRevalidateSeconds ?? 0) * 1000,
    staleIfErrorMs: (group.values.StaleIfErrorSeconds ?? 0) * 1000,
    tags: group.values.Tags ?? [],
  };
}
