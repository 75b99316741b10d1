export interface CacheConfig {
  readonly ttlMs: number;
  /** Name for purging. */
  readonly region: string | undefined;
  /** Lower-case name of a request header that is part of the key. */
  readonly keyHeader: string;
  /** The body is part of the key, and methods other than GET and HEAD are cached. */
  readonly hashesBody: boolean;
  /** `origin`: the answer's own Cache-Control / Expires decide, `ttlMs` only where they say nothing (RFC 9111). */
  readonly freshness: 'ttl' | 'origin';
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** May hold placeholders of the route: `product:{id}`. */
  readonly tags: readonly string[];
}
