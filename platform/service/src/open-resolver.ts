import {
  createConsulResolver,
  createDnsResolver,
  createKubernetesResolver,
  createStaticResolver,
  type DnsService,
  keepEndpoints,
  type Resolver,
  readClusterAccess,
} from '@flotilla/discovery';
import { toError } from '@flotilla/kernel';
import { ConfigurationError, type DiscoverySettings, type ProcessContext } from '@flotilla/process';
import type { Metrics } from '@flotilla/telemetry';

type Life = Pick<ProcessContext<unknown>, 'logger' | 'defer'> & { readonly metrics: Metrics };

/**
 * Finds the other services where the environment says: in the registry, in the EndpointSlices of the cluster, by DNS
 * names. With a cache file the process also starts while that is away. Throws `ConfigurationError`.
 */
export async function openResolver(
  settings: DiscoverySettings,
  { logger, metrics, defer }: Life,
): Promise<Resolver> {
  const found = await resolverOf(settings, { logger, metrics });
  const { cacheFile: file } = settings;
  const resolver = file === undefined ? found : await keepEndpoints(found, { file, logger });
  defer('service resolver', () => resolver.close());
  return resolver;
}

async function resolverOf(
  settings: DiscoverySettings,
  { logger, metrics }: Pick<Life, 'logger' | 'metrics'>,
): Promise<Resolver> {
  const { source, registryUrl: url, registryToken: token } = settings;
  if (source === 'kubernetes')
    return createKubernetesResolver({ ...(await clusterAccess(settings)), logger });
  if (source === 'dns') return createDnsResolver({ services: readHosts(settings), logger });
  if (url !== undefined)
    return createConsulResolver({ url, ...(token !== undefined && { token }), logger, metrics });
  if (source === 'registry') throw new ConfigurationError(['REGISTRY_URL is required: DISCOVERY=registry']);
  return createStaticResolver({});
}

async function clusterAccess({ cluster }: DiscoverySettings) {
  try {
    return await readClusterAccess({ ...cluster });
  } catch (error) {
    throw new ConfigurationError([`DISCOVERY=kubernetes: ${toError(error).message}`]);
  }
}

const HOSTS = /^(?<host>[\w.-]*\{service\}[\w.-]*):(?<port>\d{1,5})$/;
/** What may be put into a host name. */
const LABEL = /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/;

function readHosts({ hosts = '', grpcPort }: DiscoverySettings): (service: string) => DnsService | undefined {
  const { host = '', port } = HOSTS.exec(hosts)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535)
    throw new ConfigurationError([
      'DISCOVERY_HOSTS must be like {service}.shop.svc.cluster.local:8080: DISCOVERY=dns',
    ]);
  const ports = { port: Number(port), ...(grpcPort !== undefined && { grpcPort }) };
  return (service) =>
    LABEL.test(service) ? { host: host.replaceAll('{service}', service), ...ports } : undefined;
}
