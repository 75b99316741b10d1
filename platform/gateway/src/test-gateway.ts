import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { createTestIssuer, type TestIssuer } from '@flotilla/auth/testing';
import { createStaticResolver, type Resolver } from '@flotilla/discovery';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import { readGatewayConfig } from './config/read-gateway-config.ts';
import { createGateway } from './create-gateway.ts';

/** What a test starts, closed in reverse order by `close`. */
export interface TestBed {
  readonly issuer: TestIssuer;
  readonly metrics: Metrics;
  /** A back end; resolves with its port. */
  backend(listener: RequestListener): Promise<number>;
  /** A back end that speaks raw bytes: gets everything received so far, answers with bytes. */
  rawBackend(answer: (received: string) => string | undefined): Promise<number>;
  gateway(config: object, resolver?: Resolver): Promise<string>;
  defer(cleanup: () => unknown): void;
  close(): Promise<void>;
}

export function createTestBed(): TestBed {
  const cleanups: (() => unknown)[] = [];
  const issuer = createTestIssuer();
  const metrics = createMetrics();
  const defer = (cleanup: () => unknown) => {
    cleanups.push(cleanup);
  };
  return {
    issuer,
    metrics,
    defer,
    backend: async (listener) => {
      const server = createServer(listener);
      const port = await listenOnFreePort(server);
      defer(() => {
        server.close();
        server.closeAllConnections();
      });
      return port;
    },
    rawBackend: async (answer) => {
      const { createServer: createRawServer } = await import('node:net');
      const server = createRawServer((socket) => {
        let received = '';
        defer(() => socket.destroy());
        socket.on('error', () => socket.destroy());
        socket.on('data', (chunk) => {
          received += chunk.toString('latin1');
          const bytes = answer(received);
          if (bytes !== undefined) socket.end(bytes, 'latin1');
        });
      });
      const port = await listenOnFreePort(server);
      defer(() => server.close());
      return port;
    },
    gateway: async (config, resolver = createStaticResolver({})) => {
      const gateway = createGateway({
        config: readGatewayConfig(JSON.stringify(config), {
          registered: { providers: ['Bearer'], discovery: true },
        }),
        resolver,
        verifiers: { Bearer: issuer.verify },
        logger: silentLogger,
        metrics,
        drainTimeoutMs: 200,
      });
      defer(gateway.close);
      return (await gateway.listen({ host: '127.0.0.1', port: 0 })).url;
    },
    close: async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    },
  };
}

interface Listening {
  listen(port: number, host: string): unknown;
  address(): unknown;
}

async function listenOnFreePort(server: Listening & NodeJS.EventEmitter): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { readonly port: number }).port; // a TCP server that listens always has one
}

/** A route to one fixed port; `more` adds or replaces keys. */
export function routeTo(port: number, template: string, more: object = {}): object {
  return {
    UpstreamPathTemplate: template,
    DownstreamPathTemplate: template,
    DownstreamHostAndPorts: [{ Host: '127.0.0.1', Port: port }],
    ...more,
  };
}

/** Sends bytes on a connection of its own and returns everything that came back until it was closed or quiet. */
export async function sendRaw(url: string, bytes: string, quietMs: number = 300): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  socket.on('error', () => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<void>();
  let quiet = setTimeout(resolve, 3_000);
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    clearTimeout(quiet);
    quiet = setTimeout(resolve, quietMs);
  });
  socket.on('close', () => resolve());
  socket.write(bytes, 'latin1');
  await promise;
  clearTimeout(quiet);
  socket.destroy();
  return received;
}

export async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
