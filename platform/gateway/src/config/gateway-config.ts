import type { Template } from '../template.ts';

/** A validated configuration: complete, with every default filled in, and never changed. */
export interface GatewayConfig {
  /** In the order of the file. */
  readonly routes: readonly RouteConfig[];
  readonly requestIdKey: string | undefined;
  /** Things that do not stop the start but deserve a line in the log. */
  readonly warnings: readonly string[];
}

export interface RouteConfig {
  /** The upstream template as written: names the route in logs and metrics. */
  readonly name: string;
  readonly upstream: Template;
  /** Upper case; empty = any. */
  readonly methods: readonly string[];
  readonly upstreamHost: string | undefined;
  readonly priority: number;
  readonly downstreamTemplate: string;
  readonly scheme: 'http' | 'https';
  readonly target: DownstreamTarget;
  readonly balancer: BalancerType;
  readonly authentication: AuthenticationConfig | undefined;
  readonly rateLimit: RateLimitConfig | undefined;
  readonly cache: CacheConfig | undefined;
  readonly requestIdKey: string | undefined;
  readonly timeoutMs: number;
  /** `Infinity` = no limit. */
  readonly maxBodyBytes: number;
}

export type DownstreamTarget =
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'hosts'; readonly hosts: readonly HostAndPort[] };

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export type BalancerType = 'NoLoadBalancer' | 'RoundRobin';

export interface AuthenticationConfig {
  /** The token needs one of them; empty = none needed. */
  readonly allowedScopes: readonly string[];
}

export interface RateLimitConfig {
  readonly limit: number;
  readonly period: string;
  readonly periodMs: number;
  /** Penalty after a rejection, `undefined` = until the period ends. */
  readonly waitMs: number | undefined;
  /** Lower case. */
  readonly clientIdHeader: string;
  /** Whose budget it is: the header or address, or after authentication the token's subject. */
  readonly keyedBy: 'client' | 'subject';
  readonly whitelist: ReadonlySet<string>;
  readonly status: number;
  readonly message: string;
  readonly format: 'text' | 'problem';
  readonly headers: boolean;
}

export interface CacheConfig {
  readonly ttlMs: number;
  /** Lower case name of a request header that is part of the key. */
  readonly keyHeader: string;
}
