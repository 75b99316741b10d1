import type { AuthenticationProviderConfig } from './policies/authentication/config.ts';
import type { ForwardedHeader } from './policies/forwarded/config.ts';
import type { LimitsConfig } from './policies/limits/config.ts';
import type { OverloadConfig } from './policies/overload/config.ts';
import type { PolicyConfig } from './policies/policies.ts';
import type { DownstreamTarget } from './policies/target/config.ts';
import type { ClientFieldRules } from './wire/rules/client-fields.ts';

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
  /** CIDRs of proxies whose forwarding fields are believed; empty = none. */
  readonly trustedProxies: readonly string[];
  /** Which of the two fields they write. */
  readonly forwardedHeader: ForwardedHeader;
  readonly limits: LimitsConfig;
  readonly overload: OverloadConfig;
  /** What of a client's fields is kept from back ends. */
  readonly clientFields: ClientFieldRules;
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
  /** What of the downstream template the paths of that description leave out. */
  readonly virtualDirectory: string | undefined;
  readonly target: DownstreamTarget;
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
  /** Under which clients reach the gateway; absent = where they read the description. */
  readonly host: string | undefined;
  /** Clients go to the servers that the service names. */
  readonly keepsServers: boolean;
  /** Without regard to routes. */
  readonly isShownAsItIs: boolean;
}

/** What decides whether a request is for a route or an aggregate. */
export interface MatchConfig {
  /** The upstream template as written: names the route in logs and metrics. */
  readonly name: string;
  /** Upper case; empty = any. */
  readonly methods: readonly string[];
  readonly upstreamHost: string | undefined;
  readonly headerTemplates: ReadonlyMap<string, string>;
  readonly caseSensitive: boolean;
  readonly priority: number;
}

export interface AggregateConfig extends MatchConfig {
  readonly routeKeys: readonly string[];
  /** Calls of a key for each value found in the body of the first part. */
  readonly expansions: ReadonlyMap<string, { readonly jsonPath: string; readonly parameter: string }>;
  /** Registered in code. */
  readonly aggregator: string | undefined;
}

export interface DiscoveryConfig {
  readonly type: 'Consul' | 'PollConsul';
  readonly url: string;
  readonly token: string | undefined;
  readonly pollingIntervalMs: number;
  readonly namespace: string | undefined;
  /** The host of an instance is the name of its node, as Ocelot has it. */
  readonly usesNodeName: boolean;
}
