import type { AggregateConfig } from './aggregates/options.ts';
import type {
  BalancerConfig,
  BreakerConfig,
  DiscoveryConfig,
  DownstreamTarget,
  HandlerConfig,
  HealthConfig,
  RetryConfig,
} from './backends/options.ts';
import type {
  AuthenticationConfig,
  AuthenticationProviderConfig,
  CorsConfig,
  IpRulesConfig,
} from './policies/authentication/options.ts';
import type { CacheConfig } from './policies/cache/options.ts';
import type { ClaimsConfig, TransformsConfig } from './policies/header-transforms/options.ts';
import type { LoadPriority, OverloadConfig, RateLimitConfig } from './policies/rate-limit/options.ts';
import type { StranglerConfig, VersionConfig } from './policies/strangler/options.ts';
import type { MatchConfig } from './routing/options.ts';

/** A validated configuration: complete, with every default filled in, and never changed. */
export interface GatewayConfig {
  /** `--ocelot-strict`. */
  readonly strict: boolean;
  /** In the order of the file. */
  readonly routes: readonly RouteConfig[];
  readonly aggregates: readonly AggregateConfig[];
  /** Routing by the first segment of the path: only when there are no routes and a provider. */
  readonly dynamic: DynamicConfig | undefined;
  readonly routeOrder: 'priority' | 'specificity';
  readonly authenticationProviders: ReadonlyMap<string, AuthenticationProviderConfig>;
  readonly discovery: DiscoveryConfig | undefined;
  readonly baseUrl: string;
  readonly reloadOnChange: boolean;
  /** CIDRs of proxies whose forwarding fields are believed; empty = nobody's. */
  readonly trustedProxies: readonly string[];
  readonly overload: OverloadConfig;
  /** Lower-case names that clients may not set because some route sets them from claims. */
  readonly identityFields: ReadonlySet<string>;
  readonly openApi: readonly OpenApiSource[];
  /** Things that do not stop the start but deserve a line in the log: unknown keys, shadowed routes, dangers. */
  readonly warnings: readonly string[];
}

/** What is done with a request once its route is found. */
export interface RouteConfig extends MatchConfig, PolicyConfig {
  readonly key: string | undefined;
  readonly downstreamTemplate: string;
  readonly downstreamMethod: string | undefined;
  readonly scheme: 'http' | 'https';
  /** `DownstreamScheme` is `ws` or `wss`. */
  readonly webSocket: boolean;
  /** Which of `openApi` describes what is behind this route. */
  readonly swaggerKey: string | undefined;
  readonly target: DownstreamTarget;
}

/** What static and dynamic routes have in common. */
export interface PolicyConfig {
  readonly ipRules: IpRulesConfig | undefined;
  readonly cors: CorsConfig | undefined;
  readonly transforms: TransformsConfig;
  readonly rateLimit: RateLimitConfig | undefined;
  readonly loadPriority: LoadPriority;
  readonly requestIdKey: string | undefined;
  readonly authentication: AuthenticationConfig | undefined;
  readonly claims: ClaimsConfig;
  readonly balancer: BalancerConfig;
  readonly versions: readonly VersionConfig[];
  readonly strangler: StranglerConfig | undefined;
  readonly health: HealthConfig;
  readonly retry: RetryConfig;
  readonly cache: CacheConfig | undefined;
  readonly breaker: BreakerConfig | undefined;
  /** Until the head of the answer is there. */
  readonly timeoutMs: number;
  /** Says in the error's text that it was the timeout of QoS. */
  readonly qosTimeout: boolean;
  /** `2-or-lower`: what TLS agrees on. */
  readonly downstreamProtocol: '1.1' | '2' | '2-or-lower';
  readonly verifyCertificate: boolean;
  readonly handler: HandlerConfig;
  readonly delegatingHandlers: readonly string[];
  /** `Infinity` = no limit. */
  readonly maxBodyBytes: number;
  /** Origins beside its own that may open WebSockets. */
  readonly webSocketOrigins: readonly string[];
  /** A WebSocket without a byte from either side is closed after this. `Infinity` = never. */
  readonly webSocketIdleMs: number;
  readonly metadata: ReadonlyMap<string, string>;
}

export interface DynamicConfig {
  /** For services without an entry of their own. */
  readonly defaults: DynamicPolicy;
  readonly services: ReadonlyMap<string, DynamicPolicy>;
}

export interface DynamicPolicy extends PolicyConfig {
  readonly scheme: 'http' | 'https';
  readonly namespace: string | undefined;
}

export interface OpenApiSource {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  /** A fixed address, or a path of any instance of a service. */
  readonly at: { readonly url: string } | { readonly service: string; readonly path: string };
}
