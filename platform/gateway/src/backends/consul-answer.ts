import { isCallable } from '../wire/rules/callable-address.ts';
import type { Found } from './candidate.ts';

interface HealthEntry {
  readonly Node?: { readonly Node?: unknown; readonly Address?: unknown; readonly Datacenter?: unknown };
  readonly Service?: {
    readonly ID?: unknown;
    readonly Address?: unknown;
    readonly Port?: unknown;
    readonly Tags?: unknown;
    readonly Meta?: Readonly<Record<string, unknown>> | null;
    readonly Weights?: { readonly Passing?: unknown } | null;
  };
}

/**
 * The instances in a response of `/v1/health/service`. The node's name is the host if there is one, else the
 * service's address, as Ocelot has it. Entries that cannot be called are left out: a scheme in the address, no
 * port, an address no service lives at. Throws `TypeError` when the response is no list.
 */
export function readHealthResponse(body: unknown): readonly Found[] {
  if (!Array.isArray(body)) throw new TypeError('the registry answered something that is no list');
  return (body as readonly (HealthEntry | null)[]).flatMap(readEntry);
}

function readEntry(entry: HealthEntry | null): readonly Found[] {
  const { Node: node, Service: service } = entry ?? {};
  const address = text(service?.Address);
  const host = text(node?.Node) ?? address ?? text(node?.Address);
  const port = service?.Port;
  if (host === undefined || typeof port !== 'number' || !Number.isInteger(port)) return [];
  if (port <= 0 || port > 65_535 || !isCallable(host)) return [];
  if (address !== undefined && !isCallable(address)) return []; // has a scheme, or is behind the name
  const weight = service?.Weights?.Passing;
  return [
    {
      id: text(service?.ID) ?? `${host}:${port}`,
      host,
      port,
      weight: typeof weight === 'number' && weight > 0 ? weight : 1,
      zone: text(service?.Meta?.['zone']) ?? text(node?.Datacenter),
      tags: Array.isArray(service?.Tags) ? service.Tags.filter((tag) => typeof tag === 'string') : [],
    },
  ];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
