import type { ScrapeReply, ScrapeRequest } from '@flotilla/telemetry';
import type { Backends } from '../backends/create-backends.ts';
import type { GatewayConfig } from '../model.ts';
import type { ResponseCache } from '../policies/cache/response-cache.ts';
import type { Load } from '../policies/overload/overload.ts';
import type { Stranglers } from '../strangler/create-stranglers.ts';

/** What the admin API works on: the running gateway. */
export interface AdminTarget {
  /** In force now. What is secret in it is masked before it leaves. */
  config(): GatewayConfig;
  readonly backends: Pick<Backends, 'states' | 'eject' | 'restore' | 'setWeights'>;
  readonly stranglers: Pick<Stranglers, 'report' | 'switch'>;
  limits(): Load;
  cache(): Pick<ResponseCache, 'entries' | 'bytes'>;
  /** Resolves with how many entries were dropped. */
  purge(what: Purge): number | Promise<number>;
  /** Reads the configuration anew. Throws `GATEWAY_CONFIG_INVALID` and changes nothing when it is not valid. */
  reload(): Promise<{ readonly changes: readonly string[] }>;
  /** Prometheus text. */
  scrape(request: ScrapeRequest): Promise<ScrapeReply>;
  isReady(): boolean;
}

export type Purge =
  | { readonly by: 'tag' | 'region' | 'prefix'; readonly value: string }
  | { readonly by: 'all' };
