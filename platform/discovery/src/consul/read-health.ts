import { isRecord } from '@flotilla/kernel';
import type { Endpoint } from '../endpoint.ts';

export interface ReadHealthOptions {
  readonly service: string;
  readonly namespace?: string | undefined;
  /** The node's name is the host, as Ocelot has it, instead of the service's address, else the node's. */
  readonly usesNodeName?: boolean;
  /** Hosts that are never called. Default: all may be. */
  readonly isCallable?: (host: string) => boolean;
}

interface HealthEntry {
  readonly Node?: Fields;
  readonly Service?: Fields;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a host name or an address is made of; a scheme, a path or a blank is none of it. */
const HOST = /^(?:\[[\da-fA-F:.%]+\]|[\da-fA-F]*:[\da-fA-F:.%]+|[\w.-]+)$/;

/**
 * The instances in a response of `/v1/health/service`, in the order of their ids. Entries that cannot be called are left
 * out: no address, a scheme in the address, no port. Throws `TypeError` when the response is no list.
 */
export function readHealth(body: unknown, options: ReadHealthOptions): readonly Endpoint[] {
  if (!Array.isArray(body)) throw new TypeError('the registry sent something that is no list');
  return (body as readonly unknown[])
    .flatMap((entry) => readEntry(fieldsOf(entry), options))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

function readEntry(
  { Node, Service }: HealthEntry,
  { service, namespace, usesNodeName = false, isCallable = () => true }: ReadHealthOptions,
): readonly Endpoint[] {
  const node = fieldsOf(Node);
  const instance = fieldsOf(Service);
  const address = text(instance['Address']) ?? text(node['Address']);
  const host = (usesNodeName ? text(node['Node']) : undefined) ?? address;
  const port = instance['Port'];
  if (host === undefined || !isPort(port)) return [];
  // Both, since a name may stand for an address that is none.
  for (const one of new Set([host, address]))
    if (one === undefined || !HOST.test(one) || !isCallable(one)) return [];
  const meta = fieldsOf(instance['Meta']);
  const grpcPort = Number(meta['grpc_port']);
  const weight = fieldsOf(instance['Weights'])['Passing'];
  const zone = text(meta['zone']) ?? text(fieldsOf(instance['Locality'])['Zone']) ?? text(node['Datacenter']);
  const tags = texts(instance['Tags']);
  return [
    {
      id: text(instance['ID']) ?? `${host}:${port}`,
      service,
      host,
      port,
      ...(isPort(grpcPort) && { grpcPort }),
      ...(typeof weight === 'number' && weight > 0 && weight !== 1 && { weight }),
      ...(zone !== undefined && { zone }),
      ...(tags.length > 0 && { tags }),
      ...(namespace !== undefined && { namespace }),
    },
  ];
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
