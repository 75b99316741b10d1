import { createConsulClient } from '../consul/consul-client.ts';
import type { ConsulAddress } from '../consul/consul-http.ts';
import type { Registry } from './start-registry.ts';

/** A Consul that somebody else runs, for whoever hosts instances: in the place of the embedded registry. */
export function connectRegistry(address: ConsulAddress): Registry {
  const client = createConsulClient(address);
  const leaving = new Set<Promise<void>>();
  return {
    url: address.url,
    deregister: (id) => {
      // What it could not be told it will notice by the TTL.
      const told = client.deregister(id).catch(() => undefined);
      leaving.add(told);
      void told.finally(() => leaving.delete(told));
    },
    close: async () => {
      await Promise.all(leaving);
      client.close();
    },
  };
}
