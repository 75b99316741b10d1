import { configInvalid } from '../errors.ts';
import type { GatewayConfig, RouteConfig } from './gateway-config.ts';
import {
  AUTHENTICATION_KEYS,
  BALANCER_KEYS,
  CACHE_KEYS,
  GLOBAL_KEYS,
  RATE_LIMIT_KEYS,
  ROOT_KEYS,
  ROUTE_KEYS,
} from './keys.ts';
import { type RouteDefaults, readRoute } from './route-config.ts';
import { type Findings, readSection, type Section } from './section.ts';

/**
 * Reads a configuration in Ocelot's format from its text or parsed JSON. Throws `GATEWAY_CONFIG_INVALID` with
 * every problem found, each with its path. Unknown keys are ignored with a warning; keys of the format that
 * this version does not act on are errors, since ignoring one could leave a route unprotected.
 */
export function parseGatewayConfig(input: unknown): GatewayConfig {
  const findings: Findings = { errors: [], warnings: [] };
  const root = readSection(typeof input === 'string' ? parseJson(input) : input, '', ROOT_KEYS, findings);
  const global = root.section('GlobalConfiguration', GLOBAL_KEYS);
  const defaults = readDefaults(global);
  const routes = root.sections('Routes', ROUTE_KEYS).map((section) => readRoute(section, defaults));
  findings.errors.push(...duplicates(routes));
  if (findings.errors.length > 0) throw configInvalid([...new Set(findings.errors)]);
  return {
    routes,
    requestIdKey: defaults.requestIdKey?.toLowerCase(),
    warnings: [...new Set(findings.warnings)],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw configInvalid([`the file is not JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function readDefaults(global: Section | undefined): RouteDefaults {
  return {
    authentication: global?.section('AuthenticationOptions', AUTHENTICATION_KEYS),
    rateLimit: global?.section('RateLimitOptions', RATE_LIMIT_KEYS),
    cache: global?.section('CacheOptions', CACHE_KEYS),
    balancer: global?.section('LoadBalancerOptions', BALANCER_KEYS),
    requestIdKey: global?.string('RequestIdKey'),
    timeoutSeconds: global?.integer('Timeout'),
    maxBodyBytes: global?.integer('MaxRequestBodySize'),
  };
}

/** Two routes for the same thing: the second could never be reached by the methods they share. */
function duplicates(routes: readonly RouteConfig[]): readonly string[] {
  const seen = new Map<string, RouteConfig[]>();
  const problems: string[] = [];
  for (const route of routes) {
    const key = `${route.upstreamHost ?? ''} ${route.name.toLowerCase()}`;
    const same = seen.get(key) ?? [];
    if (same.some((other) => sharesMethod(other, route))) problems.push(`route ${route.name} has duplicate`);
    seen.set(key, [...same, route]);
  }
  return problems;
}

function sharesMethod(one: RouteConfig, other: RouteConfig): boolean {
  if (one.methods.length === 0 || other.methods.length === 0) return true;
  return one.methods.some((method) => other.methods.includes(method));
}
