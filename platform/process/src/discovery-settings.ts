import { choice, optional, port, secret, text, url } from './environment.ts';

/** Variables that say where the other services are, for `readEnvironment`. */
export const DISCOVERY_SETTINGS = {
  DISCOVERY: optional(choice(['registry', 'kubernetes', 'dns'])),
  REGISTRY_URL: optional(url()),
  CONSUL_HTTP_TOKEN: optional(secret()),
  DISCOVERY_HOSTS: optional(text()),
  DISCOVERY_GRPC_PORT: optional(port()),
  DISCOVERY_CACHE: optional(text()),
  ZONE: optional(text()),
  KUBERNETES_SERVICE_HOST: optional(text()),
  KUBERNETES_SERVICE_PORT: optional(text()),
};

export interface DiscoverySettings {
  /** Where the instances of other services are looked up. `undefined`: in the registry when there is one, else nowhere. */
  readonly source: 'registry' | 'kubernetes' | 'dns' | undefined;
  /** Consul HTTP API. Without it nothing is registered. */
  readonly registryUrl: string | undefined;
  /** Shown to the registry: what it lets this process do. Not enumerable. */
  readonly registryToken: string | undefined;
  /** For `dns`: `host:port`, with `{service}` in the place of the name. */
  readonly hosts: string | undefined;
  readonly grpcPort: number | undefined;
  /** A file that remembers what was found, for a start while discovery is away. */
  readonly cacheFile: string | undefined;
  /** Where this process runs: instances there are preferred. */
  readonly zone: string | undefined;
  readonly cluster: Cluster;
}

/** What a cluster tells its pods, under its names. */
interface Cluster {
  readonly KUBERNETES_SERVICE_HOST: string | undefined;
  readonly KUBERNETES_SERVICE_PORT: string | undefined;
}

interface DiscoveryValues extends Cluster {
  readonly DISCOVERY: 'registry' | 'kubernetes' | 'dns' | undefined;
  readonly REGISTRY_URL: string | undefined;
  readonly CONSUL_HTTP_TOKEN: string | undefined;
  readonly DISCOVERY_HOSTS: string | undefined;
  readonly DISCOVERY_GRPC_PORT: number | undefined;
  readonly DISCOVERY_CACHE: string | undefined;
  readonly ZONE: string | undefined;
}

/** What `readEnvironment` made of `DISCOVERY_SETTINGS`. */
export function discoverySettings(values: DiscoveryValues): DiscoverySettings {
  const settings = {
    source: values.DISCOVERY,
    registryUrl: values.REGISTRY_URL,
    hosts: values.DISCOVERY_HOSTS,
    grpcPort: values.DISCOVERY_GRPC_PORT,
    cacheFile: values.DISCOVERY_CACHE,
    zone: values.ZONE,
    cluster: {
      KUBERNETES_SERVICE_HOST: values.KUBERNETES_SERVICE_HOST,
      KUBERNETES_SERVICE_PORT: values.KUBERNETES_SERVICE_PORT,
    },
  };
  const secret = { value: values.CONSUL_HTTP_TOKEN, enumerable: false };
  return Object.defineProperty(settings, 'registryToken', secret) as DiscoverySettings;
}
