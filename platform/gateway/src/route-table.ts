import { accept, type Result, reject } from '@flotilla/kernel';
import type { GatewayConfig, RouteConfig } from './config/gateway-config.ts';
import type { Target } from './http/target.ts';
import { badTarget, NOT_FOUND, type Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

export interface RouteMatch {
  readonly route: RouteConfig;
  /** Values of the placeholders, raw. */
  readonly values: ReadonlyMap<string, string>;
}

export interface RouteTable {
  find(head: RequestHead, target: Target): Result<RouteMatch, Refusal>;
}

/** Routes in the order in which they are tried: priority, then the file's order; a matching host comes first. */
export function createRouteTable(config: GatewayConfig): RouteTable {
  const ordered = [...config.routes].sort((one, other) => other.priority - one.priority);

  function first(method: string, host: string, path: string): RouteMatch | undefined {
    let found: RouteMatch | undefined;
    for (const route of ordered) {
      if (!isCandidate(route, method, host) || (found !== undefined && route.upstreamHost === undefined))
        continue;
      const values = route.upstream.match(path);
      if (values === undefined) continue;
      found = { route, values };
      if (route.upstreamHost !== undefined) break;
    }
    return found;
  }

  return {
    find: (head, target) => {
      const host = head.host.replace(/:\d+$/, '').toLowerCase();
      const match = first(head.method, host, target.path);
      // A back end that drops `;parameters` would see another path than the one that was decided on.
      if (target.withoutParameters !== target.path) {
        const other = first(head.method, host, target.withoutParameters);
        if (other?.route !== match?.route) return reject(badTarget('path parameters would change the route'));
      }
      return match === undefined ? reject(NOT_FOUND) : accept(match);
    },
  };
}

function isCandidate({ methods, upstreamHost }: RouteConfig, method: string, host: string): boolean {
  if (methods.length > 0 && !methods.includes(method)) return false;
  return upstreamHost === undefined || upstreamHost === host;
}
