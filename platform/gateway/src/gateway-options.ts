import type { VerifyToken } from '@flotilla/auth';
import type { Resolver } from '@flotilla/discovery';
import type { Clock } from '@flotilla/kernel';
import type { Logger, Metrics, RecordSpan } from '@flotilla/telemetry';
import type { AggregateMerge } from './aggregates/aggregate.ts';
import type { CreateBalancer } from './backends/balancers.ts';
import type { GatewayConfig } from './model.ts';
import type { AccessLogLevel } from './observation/observe.ts';
import type { VerifyTokenClaims } from './policies/authentication/providers.ts';
import type { DelegatingHandlers } from './policies/delegating-handlers/handlers.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Finds the instances of routes with `ServiceName` when the configuration names no provider. The caller closes it. */
  readonly resolver?: Resolver;
  /** Verifiers in code, by the key that `AuthenticationProviderKeys` names. */
  readonly verifiers?: Readonly<Record<string, VerifyToken>>;
  /** The same, for tokens that are not of this platform: they resolve with the payload. */
  readonly claimsVerifiers?: Readonly<Record<string, VerifyTokenClaims>>;
  readonly handlers?: DelegatingHandlers;
  readonly aggregators?: Readonly<Record<string, AggregateMerge>>;
  readonly balancers?: ReadonlyMap<string, CreateBalancer>;
  /** JSON documents of the system to serve beside the merged OpenAPI where no route is, by path: `/docs/asyncapi.json`. */
  readonly documents?: Readonly<Record<string, object>>;
  /** Where rate limits with `Store: "Shared"` are counted, over all replicas: `redis://…`. */
  readonly redisUrl?: string;
  /** Reads the configuration anew for the admin API; without it `reload` there is refused. */
  readonly loadConfig?: () => Promise<GatewayConfig>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly recordSpan?: RecordSpan;
  /** Default `sampled`. */
  readonly accessLog?: AccessLogLevel;
  readonly clock?: Clock;
  /** How long `close` waits for requests in flight before it cuts them. Default 10,000 ms. */
  readonly drainTimeoutMs?: number;
}
