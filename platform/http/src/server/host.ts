import { collectProcessMetrics } from '@flotilla/telemetry';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { buildApp } from './app.ts';
import type { HttpHostOptions } from './host-options.ts';
import { createInFlight } from './in-flight.ts';
import { createListener } from './listener.ts';
import { createLoad } from './load.ts';

export interface HttpHost {
  /** Starts to accept. `host` defaults to 127.0.0.1, `port` to 0: any free one. */
  listen(options?: {
    readonly host?: string;
    readonly port?: number;
  }): Promise<{ url: string; port: number }>;
  /** A request without a socket, for tests. */
  inject(options: InjectOptions | string): Promise<LightMyRequestResponse>;
  /** Tells callers with each response to go elsewhere, and probes that it is not ready. Everything is served all the same. */
  startDraining(): void;
  /**
   * Stops accepting, answers what is in flight with `Connection: close`, then closes all connections. Requests
   * still running after `drainTimeoutMs` are aborted. Safe to call twice.
   */
  close(): Promise<void>;
}

/** An HTTP server for routes. Problems are answered as RFC 9457; see the README for every status. */
export function createHttpHost(options: HttpHostOptions): HttpHost {
  const inFlight = createInFlight();
  const load = options.load === false ? undefined : createLoad(options.load ?? {}, options.metrics);
  const app = buildApp({
    ...options,
    version: options.version ?? '0.0.0',
    bodyLimitBytes: options.bodyLimitBytes ?? 256 * 1024,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    inFlight,
    load,
  });
  const listener = createListener({
    app,
    inFlight,
    logger: options.logger,
    drainTimeoutMs: options.drainTimeoutMs ?? 10_000,
  });
  const processMetrics = collectProcessMetrics(options.metrics);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    inFlight.startDraining();
    await listener.close();
    processMetrics.close();
    load?.close();
    await app.close();
  }

  return {
    listen: async ({ host = '127.0.0.1', port = 0 } = {}) => await listener.listen(host, port),
    inject: async (request) => await app.inject(request),
    startDraining: () => inFlight.startDraining(),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
