import type { RetryBudget } from '@flotilla/resilience';
import type { BackendPool } from '../backends/backends.ts';
import type { Breaker } from '../backends/breaker.ts';
import type { Exchange, Step } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import type { CachePolicy } from '../policies/cache/compile-cache.ts';
import type { Cors } from '../policies/cors/cors.ts';
import type { CookieJar } from '../policies/http-handler/cookie-jar.ts';
import type { Strangler } from '../strangler/create-stranglers.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import type { ResponseHead } from '../wire/rules/response.ts';

/** A route made ready to serve: everything that can be decided beforehand has been. */
export interface RouteRuntime {
  readonly config: RouteConfig;
  /** In the order in which they run. */
  readonly steps: readonly Step[];
  /** What pages of other origins are told. */
  readonly cors: Cors | undefined;
  readonly side: Side;
  /** The other implementation of a route that is being replaced. */
  readonly strangler:
    | (Pick<Strangler, 'sideFor' | 'fallsBackOn' | 'countFallback' | 'shadow'> & { readonly side: Side })
    | undefined;
  /** `undefined` = the route is not cached. */
  readonly cache: CachePolicy | undefined;
  readonly breaker: Breaker | undefined;
  readonly retryBudget: RetryBudget;
  /** What the client sees of a back end's response. */
  readonly shapeResponse: (exchange: Exchange, head: ResponseHead, downstreamBaseUrl: string) => ResponseHead;
  readonly jar: CookieJar | undefined;
}

/** One implementation of a route: most have one, a strangler has two. */
export interface Side {
  readonly pool: BackendPool;
  /** Path and query for the back end; a refusal when the values of this request cannot be put there. */
  readonly urlFor: (exchange: Exchange) => string | Refusal;
  /** How long a service without a reachable instance is waited for: a restart costs time, not errors. */
  readonly patienceMs: number;
}
