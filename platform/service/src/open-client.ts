import { createHttpClient, type HttpClient, type HttpClientOptions } from '@flotilla/http';
import type { ServiceContext } from './service.ts';

export interface ClientOptions extends Pick<HttpClientOptions, 'timeoutMs' | 'maxConnections'> {
  /** Guarded routes are called in the name of this service, by tokens with this scope. */
  readonly scope?: string;
  /** Instead of a scope: a secret issued by the other side. */
  readonly apiKey?: string;
}

/** A client of another service, closed at the end of this one. Without scope and key each call of a guarded route brings its own token. */
export function openClient(
  service: ServiceContext<unknown>,
  name: string,
  { scope, apiKey, ...limits }: ClientOptions = {},
): HttpClient {
  const { pick, logger, metrics, edges } = service;
  const token = scope === undefined ? apiKey : service.tokens(scope);
  const client = createHttpClient({
    ...{ ...limits, service: name, pick, logger, metrics, edges },
    ...(token !== undefined && { token }),
    exchange: service.exchange(name),
  });
  service.defer(`client of ${name}`, () => client.close());
  return client;
}
