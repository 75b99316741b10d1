export type BalancerConfig =
  | { readonly type: 'NoLoadBalancer' | 'RoundRobin' | 'LeastConnection' | 'PowerOfTwoChoices' | 'Weighted' }
  /** A load balancer registered in code. */
  | { readonly type: 'Registered'; readonly name: string }
  | { readonly type: 'CookieStickySessions'; readonly cookie: string; readonly expiryMs: number }
  /** Instances of the same zone first, others when none of them is usable. */
  | { readonly type: 'ZoneAware'; readonly zone: string };

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
  /** For `Weighted`; default 1. */
  readonly weight: number;
  readonly zone: string | undefined;
}

export type DownstreamTarget =
  | { readonly kind: 'service'; readonly service: string; readonly namespace: string | undefined }
  | { readonly kind: 'hosts'; readonly hosts: readonly HostAndPort[] };

export interface BreakerConfig {
  readonly route: string;
  readonly minimumThroughput: number;
  readonly breakMs: number;
  /** `undefined` = count mode: so many consecutive failures. */
  readonly failureRatio: number | undefined;
  readonly samplingMs: number;
}

export interface HealthConfig {
  readonly active:
    | {
        readonly path: string;
        readonly intervalMs: number;
        readonly timeoutMs: number;
        readonly healthyAfter: number;
        readonly unhealthyAfter: number;
      }
    | undefined;
  readonly passive:
    | {
        readonly consecutiveFailures: number;
        readonly ejectionMs: number;
        readonly maxEjectedPercent: number;
      }
    | undefined;
}

export interface RetryConfig {
  /** Tries after the first one. */
  readonly retries: number;
  /** Share of a route's requests that may be retries, 0 … 100. */
  readonly budgetPercent: number;
  /** Statuses that are tried again elsewhere, idempotent methods only. */
  readonly statuses: readonly number[];
}

export interface DiscoveryConfig {
  readonly type: 'Consul' | 'PollConsul';
  readonly url: string;
  readonly token: string | undefined;
  readonly pollingIntervalMs: number;
  readonly namespace: string | undefined;
}

export interface HandlerConfig {
  readonly followsRedirects: boolean;
  readonly usesCookieJar: boolean;
  readonly maxConnections: number;
  readonly connectionLifetimeMs: number;
}
