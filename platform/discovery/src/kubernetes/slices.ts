import type { Endpoint } from '../endpoint.ts';

/** The parts of an EndpointSlice that are used. Each may be absent: other writers than Kubernetes leave them out. */
export interface Slice {
  readonly metadata?: { readonly name?: string };
  readonly addressType?: string;
  readonly endpoints?: readonly SliceEndpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

interface SliceEndpoint {
  readonly addresses?: readonly string[] | null;
  readonly conditions?: Conditions | null;
  readonly zone?: string | null;
  readonly targetRef?: { readonly name?: string } | null;
}

interface Conditions {
  readonly ready?: boolean | null;
  readonly serving?: boolean | null;
  readonly terminating?: boolean | null;
}

interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
}

export interface ReadSlicesOptions {
  readonly service: string;
  readonly namespace: string;
  /** Of the port that is called. Default: `http`, else the only one. */
  readonly port?: string | undefined;
  /** Of the port for gRPC. Default `grpc`. */
  readonly grpcPort?: string | undefined;
}

export interface SliceSet {
  /** In the order of their ids, so that the same instances make the same list. */
  readonly endpoints: readonly Endpoint[];
  /** There are instances, but none of them has the port: the name of the service's `targetPort` is wrong. */
  readonly lacksPort: boolean;
}

interface Found {
  readonly endpoint: Endpoint;
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  readonly isIpv6: boolean;
}

/**
 * The instances in all slices of a service. New calls go to those that are ready and not ending; when all are ending, to
 * those that still serve. Those that are not ready are never called: they may be dead pods.
 */
export function readSlices(slices: Iterable<Slice>, options: ReadSlicesOptions): SliceSet {
  const found = new Map<string, Found>();
  let lacksPort = false;
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const port = portOf(slice, options.port, 'http', true);
    lacksPort ||= port === undefined && (slice.endpoints ?? []).length > 0;
    if (port === undefined) continue;
    const grpcPort = portOf(slice, options.grpcPort, 'grpc', false);
    for (const one of readSlice(slice, port, grpcPort, options)) keepBetter(found, one);
  }
  const endpoints = usable([...found.values()])
    .map(({ endpoint }) => endpoint)
    .sort((one, other) => (one.id < other.id ? -1 : 1));
  return { endpoints, lacksPort: lacksPort && found.size === 0 };
}

function readSlice(
  slice: Slice,
  port: number,
  grpcPort: number | undefined,
  { service, namespace }: ReadSlicesOptions,
): readonly Found[] {
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions, zone, targetRef }) => {
    const host = addresses?.[0];
    if (typeof host !== 'string' || host === '') return [];
    const isReady = conditions?.ready ?? true;
    return [
      {
        endpoint: {
          id: targetRef?.name ?? `${host}:${port}`,
          service,
          host,
          port,
          namespace,
          ...(grpcPort !== undefined && { grpcPort }),
          ...(zone && { zone }),
        },
        isReady,
        isServing: conditions?.serving ?? isReady,
        isTerminating: conditions?.terminating ?? false,
        isIpv6: slice.addressType === 'IPv6',
      },
    ];
  });
}

/** An endpoint may be in two slices while it moves, and a pod has one of each family: IPv4 is taken. */
function keepBetter(found: Map<string, Found>, one: Found): void {
  const known = found.get(one.endpoint.id);
  if (known === undefined || (known.isIpv6 && !one.isIpv6)) found.set(one.endpoint.id, one);
}

function usable(found: readonly Found[]): readonly Found[] {
  const ready = found.filter(({ isReady, isTerminating }) => isReady && !isTerminating);
  if (ready.length > 0) return ready;
  return found.filter(({ isServing, isTerminating }) => isTerminating && isServing);
}

function portOf(
  { ports }: Slice,
  wanted: string | undefined,
  usual: string,
  takesOnly: boolean,
): number | undefined {
  const open = (ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  const named = open.find(({ name }) => (name ?? '') === (wanted ?? usual));
  const port = named ?? (wanted === undefined && takesOnly && open.length === 1 ? open[0] : undefined);
  const number = port?.port;
  return typeof number === 'number' && number > 0 && number <= 65_535 ? number : undefined;
}
