import type { ServiceContext } from '@flotilla/service';

type Fetch = NonNullable<import('@flotilla/bff').BffOptions['issuer']['fetch']>;

/**
 * The issuer's public address leads through the gateway, which may not be there yet and is a way around. From here identity is asked
 * directly; it answers by its public address whatever host a request names.
 */
export function issuerFetch({ pick }: Pick<ServiceContext<unknown>, 'pick'>, issuer: string): Fetch {
  const { origin } = new URL(issuer);
  return async (address, { method, headers, body, signal, redirect }) => {
    const url = new URL(address);
    if (url.origin !== origin) throw new TypeError(`${url.origin} is not the issuer`);
    const { host, port } = await pick('identity');
    return await fetch(`http://${host}:${port}${url.pathname}${url.search}`, {
      ...{ method, headers, redirect },
      // The types of what is sent differ between two versions of one standard.
      body: (body ?? null) as BodyInit | null,
      ...(signal && { signal }),
    });
  };
}
