import type { Exchange } from '../../exchange.ts';
import type { CacheConfig } from './config.ts';
import type { Labels } from './store.ts';

/** One request as the cache sees it. */
export interface CacheRequest {
  readonly exchange: Exchange;
  readonly config: CacheConfig;
  readonly strict: boolean;
  /** Everything the entry depends on but what the response's `Vary` names. */
  readonly primary: string;
  /** A conditional request: reads, but neither fetches for others nor waits. */
  readonly ifNoneMatch: string | undefined;
  labels(): Labels;
}
