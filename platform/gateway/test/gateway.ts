import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createRawServer, type Socket } from 'node:net';
import { createTestIssuer, type TestIssuer } from '@flotilla/auth/testing';
import { createStaticResolver, type Resolver } from '@flotilla/discovery';
import { eventually } from '@flotilla/kernel/testing';
import { createMetrics, type Metrics, silentLogger } from '@flotilla/telemetry';
import { type ReadOptions, readGatewayConfig } from '../src/config/read-gateway-config.ts';
import { createGateway, type Gateway, type ListenAddress, type OpenPort } from '../src/create-gateway.ts';
import type { GatewayOptions } from '../src/gateway-options.ts';
import { ANYTHING } from '../src/grammar/registered.ts';
import type { GatewayConfig } from '../src/model.ts';

/** What a test starts, closed in reverse order by `close`. */
export interface TestBed {
  readonly issuer: TestIssuer;
  readonly metrics: Metrics;
  /** A back end; resolves with its port. */
  backend(listener: RequestListener): Promise<number>;
  /** A back end that speaks raw bytes: gets everything received so far, answers with bytes. */
  rawBackend(answer: (received: string) => string | undefined): Promise<number>;
  gateway(config: object, resolver?: Resolver): Promise<string>;
  /** The same with more of it in the test's hands. */
  start(config: object, options?: TestGatewayOptions): Promise<TestGateway>;
  defer(cleanup: () => unknown): void;
  close(): Promise<void>;
}

export interface TestGatewayOptions extends Partial<Omit<GatewayOptions, 'config'>> {
  readonly read?: ReadOptions;
  readonly listen?: Partial<ListenAddress>;
}

export interface TestGateway extends Gateway, Pick<OpenPort, 'setCertificates'> {
  readonly url: string;
  readonly port: number;
  /** What was logged as an error or a warning. */
  readonly complaints: string[];
}

/** A configuration as a file would have it. */
export function readTestConfig(
  config: object,
  options: ReadOptions = { registered: ANYTHING },
): GatewayConfig {
  return readGatewayConfig(JSON.stringify(config), options);
}

export function createTestBed(): TestBed {
  const cleanups: (() => unknown)[] = [];
  const issuer = createTestIssuer();
  const metrics = createMetrics();
  const defer = (cleanup: () => unknown) => {
    cleanups.push(cleanup);
  };
  const start = async (config: object, options: TestGatewayOptions = {}): Promise<TestGateway> => {
    const { read, listen, ...more } = options;
    const complaints: string[] = [];
    const complain = (_: object, text: string) => complaints.push(text);
    const gateway = createGateway({
      config: readTestConfig(config, read),
      resolver: createStaticResolver({}),
      verifiers: { Bearer: issuer.verify },
      logger: { ...silentLogger, error: complain, warn: complain },
      metrics,
      drainTimeoutMs: 200,
      ...more,
    });
    defer(gateway.close);
    const address = await gateway.listen({ host: '127.0.0.1', port: 0, ...listen });
    return { ...gateway, ...address, complaints };
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
    gateway: async (config, resolver) => (await start(config, resolver && { resolver })).url,
    start,
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

/** A client that speaks bytes. */
export interface RawClient {
  readonly socket: Socket;
  write(bytes: string): void;
  /** Everything that came, one character a byte. */
  text(): string;
  /** Waits for the text. */
  until(pattern: RegExp): Promise<string>;
  /** Waits for the end of the connection; the whole text. */
  closed(): Promise<string>;
}

export async function openRaw(url: string): Promise<RawClient> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'connect');
  return {
    socket,
    write: (bytes) => socket.write(bytes, 'latin1'),
    text: () => text,
    until: (pattern) => eventually(`${pattern}`, () => pattern.test(text) && text, 60_000, 2),
    closed: async () => {
      await eventually('the connection ends', () => socket.closed, 60_000, 2);
      return text;
    },
  };
}

/** Sends bytes on a connection of its own and returns everything that came back until it was closed or quiet. */
export async function sendRaw(url: string, bytes: string, quietMs: number = 300): Promise<string> {
  const { socket, text } = await openRaw(url);
  const { promise, resolve } = Promise.withResolvers<void>();
  let quiet = setTimeout(resolve, 60_000);
  socket.on('data', () => {
    clearTimeout(quiet);
    quiet = setTimeout(resolve, quietMs);
  });
  socket.on('close', () => resolve());
  socket.write(bytes, 'latin1');
  await promise;
  clearTimeout(quiet);
  socket.destroy();
  return text();
}

export async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
