import type { Endpoint, Resolver } from '../endpoint.ts';

/** Fixed instances by service name, each `host:port`. Throws `RangeError` on anything else. */
export function createStaticResolver(endpoints: Readonly<Record<string, readonly string[]>>): Resolver {
  const known = new Map<string, readonly Endpoint[]>(
    Object.entries(endpoints).map(([service, addresses]) => [
      service,
      addresses.map((address) => parseAddress(service, address)),
    ]),
  );
  return {
    resolve: async (service) => known.get(service) ?? NONE,
    known: (service) => known.get(service) ?? NONE,
    close: async () => undefined,
  };
}

const NONE: readonly Endpoint[] = [];

function parseAddress(service: string, address: string): Endpoint {
  const [, host, digits] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535)
    throw new RangeError(`an endpoint of ${service} must be host:port, got ${address}`);
  return { id: `${service}@${address}`, service, host, port };
}
