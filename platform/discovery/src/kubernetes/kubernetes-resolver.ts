import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, pause, systemClock } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import { type Endpoint, keepIfSame, type Resolver } from '../endpoint.ts';
import { registryUnavailable } from '../errors.ts';
import { createKubeApi, type KubeAccess } from './kube-api.ts';
import { type ReadSlicesOptions, readSlices, type Slice } from './slices.ts';
import { watchSlices } from './watch-slices.ts';

export interface KubernetesResolverOptions
  extends KubeAccess,
    Pick<ReadSlicesOptions, 'namespace' | 'port' | 'grpcPort'> {
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** 0 ≤ random < 1, for jitter. */
  readonly random?: () => number;
  /** How long the first question about a service waits for the API server. Default 2,000. */
  readonly firstAnswerTimeoutMs?: number;
  /** Longest one question waits. Default 25 to 30. */
  readonly waitSeconds?: number;
}

interface Followed {
  endpoints: readonly Endpoint[];
  readonly heard: AbortController;
  lastFailure: Error | undefined;
  lacksPort: boolean;
  waiting: Promise<void> | undefined;
  readonly done: Promise<void>;
}

/** A service name of Kubernetes: what else is asked for is no service, and never gets into a question. */
const SERVICE_NAME = /^[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/;
const NONE: readonly Endpoint[] = [];

/**
 * Follows the EndpointSlices of each service that was asked for. The rights it needs are `watch`, on an old server also
 * `list`, on `endpointslices` in `discovery.k8s.io`. While the API server is away the last good answer stays.
 */
export function createKubernetesResolver(options: KubernetesResolverOptions): Resolver {
  const { logger = silentLogger, clock = systemClock, random = Math.random } = options;
  const { firstAnswerTimeoutMs = 2_000, namespace } = options;
  const api = createKubeApi(options);
  const support = { initialEvents: true };
  const closing = new AbortController();
  const services = new Map<string, Followed>();

  function learn(service: string, followed: Followed, slices: readonly Slice[]): void {
    const { endpoints, lacksPort } = readSlices(slices, { ...options, service });
    if (lacksPort && !followed.lacksPort)
      logger.warn(
        { service, port: options.port ?? 'http' },
        'the instances of the service do not have the port',
      );
    followed.lacksPort = lacksPort;
    followed.endpoints = keepIfSame(followed.endpoints, endpoints);
    followed.lastFailure = undefined;
    followed.heard.abort();
  }

  function follow(service: string): Followed {
    const known = services.get(service);
    if (known !== undefined) return known;
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const followed: Followed = {
      endpoints: NONE,
      heard: new AbortController(),
      lastFailure: undefined,
      lacksPort: false,
      waiting: undefined,
      done: started.then(() =>
        watchSlices({
          ...{ api, namespace, service, clock, random, logger, support, closing: closing.signal },
          ...(options.waitSeconds !== undefined && { waitSeconds: options.waitSeconds }),
          changed: (slices) => learn(service, followed, slices),
          failed: (error) => {
            followed.lastFailure = error;
          },
        }),
      ),
    };
    services.set(service, followed);
    start();
    return followed;
  }

  return {
    resolve: async (service) => {
      if (!SERVICE_NAME.test(service)) return NONE;
      const followed = follow(service);
      const { signal } = followed.heard;
      if (!signal.aborted) {
        followed.waiting ??= pause(clock, firstAnswerTimeoutMs, signal).finally(() => {
          followed.waiting = undefined;
        });
        await followed.waiting;
      }
      if (!signal.aborted) throw registryUnavailable(service, followed.lastFailure);
      return followed.endpoints;
    },
    known: (service) => {
      const followed = services.get(service);
      return followed?.heard.signal.aborted ? followed.endpoints : undefined;
    },
    close: async () => {
      closing.abort();
      await Promise.all([...services.values()].map(({ done }) => done));
    },
  };
}

/** Where a pod finds its API server and its token. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What a pod knows of its cluster: `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` of its environment, and the
 * files of its service account. Throws when it runs in none.
 */
export async function readClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = ACCOUNT,
): Promise<KubeAccess & { readonly namespace: string }> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (!host) throw new Error('KUBERNETES_SERVICE_HOST is not set: this process runs in no cluster');
  const file = (name: string) => readFile(join(folder, name), 'utf8');
  const [ca, namespace] = await Promise.all([file('ca.crt'), file('namespace')]);
  let lastToken: string | undefined;
  return {
    url: `https://${hostInUrl(host)}:${port}`,
    ca,
    namespace: namespace.trim(),
    // A token that cannot be read just now is probably being replaced: the last one may do.
    readToken: async () => {
      lastToken = await file('token').then(
        (token) => token.trim(),
        () => lastToken,
      );
      return lastToken;
    },
  };
}
