import { hostInUrl } from '@flotilla/kernel/addresses';
import type { Instance, Instances } from '@flotilla/resilience';
import type { RouteConfig } from '../model.ts';
import type { Origin } from '../wire/backend/backend-call.ts';
import type { Backend } from './backends.ts';
import type { Probe } from './probes.ts';

/** An instance as discovery or the configuration names it. */
export interface Found {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly tags: readonly string[];
}

/** An instance as one route sees it. */
export interface Candidate extends Backend {
  readonly found: Found;
  readonly instance: Instance;
  probe: Probe | undefined;
  /** Of smooth weighted round robin. */
  share: number;
}

/** The parts of a route that say how its back ends are spoken to. */
export type OriginOptions = Pick<
  RouteConfig,
  'scheme' | 'target' | 'downstreamProtocol' | 'verifyCertificate' | 'backendTls' | 'handler' | 'timeoutMs'
>;

const LONGEST_CONNECT_MS = 2_000;
const DEFAULT_PORTS = { http: 80, https: 443 } as const;

export function createCandidate(found: Found, options: OriginOptions, instances: Instances): Candidate {
  const { scheme } = options;
  const host = found.host.startsWith('[') ? found.host.slice(1, -1) : found.host;
  const bracketed = hostInUrl(host);
  return {
    id: found.id,
    found,
    authority: found.port === DEFAULT_PORTS[scheme] ? bracketed : `${bracketed}:${found.port}`,
    origin: originOf(host, found.port, options),
    instance: instances.of(`${scheme}://${bracketed}:${found.port}`),
    probe: undefined,
    share: 0,
  };
}

function originOf(host: string, port: number, options: OriginOptions): Origin {
  const { scheme, target, downstreamProtocol, verifyCertificate, backendTls, handler, timeoutMs } = options;
  const checksAddress = target.kind === 'service';
  const { maxConnections, connectionLifetimeMs } = handler;
  const connectTimeoutMs = Math.min(LONGEST_CONNECT_MS, timeoutMs);
  const limits = [maxConnections, connectionLifetimeMs, connectTimeoutMs];
  const tls = scheme === 'https' && backendTls !== undefined ? { files: backendTls } : undefined;
  const how = [downstreamProtocol, verifyCertificate, checksAddress, ...limits, tls && JSON.stringify(tls)];
  return {
    key: `${scheme}://${host}:${port} ${how.join(' ')}`,
    secure: scheme === 'https',
    host,
    port,
    protocol: downstreamProtocol,
    verifyCertificate,
    checksAddress,
    ...(tls && { tls }),
    connectTimeoutMs,
    maxConnections,
    connectionLifetimeMs,
  };
}
