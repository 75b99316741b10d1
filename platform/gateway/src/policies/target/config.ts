import { isIPv6 } from 'node:net';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';

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

const HOST = {
  Host: { type: 'string', required: true, doc: 'Name or address.' },
  Port: { type: 'integer', minimum: 0, maximum: 65_535, default: 0, doc: "0 = the scheme's own port." },
  Weight: { type: 'number', minimum: 0, default: 1, own: true, doc: 'Share of requests for `Weighted`.' },
  Zone: { type: 'string', own: true, doc: 'Where the host is, for `ZoneAware`.' },
} as const satisfies SectionShape;

/** Where requests go: keys of a route, and of `StranglerOptions.New`. */
export const TARGET = {
  DownstreamHostAndPorts: { type: 'objects', shape: HOST, doc: 'Required without `ServiceName`.' },
  DownstreamScheme: {
    type: 'string',
    oneOf: ['http', 'https', 'ws', 'wss'],
    default: 'http',
    doc: '`ws` and `wss` are for WebSockets: a broken handshake is refused. For the others see `WebSocketOptions.Enabled`.',
  },
  ServiceName: { type: 'string', doc: 'The service whose instances discovery finds.' },
  ServiceNamespace: { type: 'string', doc: 'Namespace of the service.' },
} as const satisfies SectionShape;

const SCHEME_PORTS = { http: 80, https: 443 } as const;

interface TargetRead {
  readonly target: DownstreamTarget;
  readonly scheme: 'http' | 'https';
  readonly webSocket: boolean;
}

export function readTarget(
  object: ConfigObject<typeof TARGET>,
  {
    defaultScheme,
    hasDiscovery,
  }: { readonly defaultScheme: 'http' | 'https'; readonly hasDiscovery: boolean },
): TargetRead {
  const { scheme, webSocket } = readScheme(object.values.DownstreamScheme ?? defaultScheme);
  const service = object.values.ServiceName;
  if (service) {
    if (!hasDiscovery)
      object.error('ServiceName', `${service} needs GlobalConfiguration.ServiceDiscoveryProvider`);
    const namespace = object.values.ServiceNamespace;
    return { target: { kind: 'service', service, namespace }, scheme, webSocket };
  }
  const hosts = (object.values.DownstreamHostAndPorts ?? []).map((entry) =>
    readHost(entry, SCHEME_PORTS[scheme]),
  );
  if (hosts.length === 0)
    object.error(
      'DownstreamHostAndPorts',
      'When not using service discovery DownstreamHostAndPorts must be set and not empty or Ocelot cannot find your service!',
    );
  return { target: { kind: 'hosts', hosts }, scheme, webSocket };
}

export type Scheme = 'http' | 'https' | 'ws' | 'wss';

export function readScheme(scheme: Scheme): Pick<TargetRead, 'scheme' | 'webSocket'> {
  return {
    scheme: scheme === 'https' || scheme === 'wss' ? 'https' : 'http',
    webSocket: scheme === 'ws' || scheme === 'wss',
  };
}

function readHost(entry: ConfigObject<typeof HOST>, schemePort: number): HostAndPort {
  const host = entry.values.Host ?? '';
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  // Ocelot starts with whatever stands there, a placeholder of a tool too.
  if (host === '') entry.error('Host', 'must be given');
  else if (!/^[\w.-]+$/.test(host) && !isIPv6(bare))
    entry.warn('Host', `${host} is no host name or address: its requests are answered 502`);
  return {
    host,
    port: entry.values.Port || schemePort,
    weight: entry.values.Weight ?? 1,
    zone: entry.values.Zone,
  };
}
