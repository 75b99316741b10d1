import type { VerifyToken } from '@flotilla/auth';
import { PlatformError } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import type { AdaptiveLimitOptions } from '@flotilla/resilience';
import { type Logger, type Metrics, rpcServerDuration } from '@flotilla/telemetry';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type AnyMessage, decode, encode } from './codec.ts';
import { endEarlyAnswers } from './early-answers.ts';
import { addHealthService } from './health.ts';
import { methodName, type ServedService } from './implement.ts';
import { createLoad } from './load.ts';
import { addReflection } from './reflection.ts';
import { type ServeDeps, serveUnary } from './serve-call.ts';

export interface GrpcServerOptions {
  readonly services: readonly ServedService[];
  /** Required as soon as one method's access is a policy. */
  readonly verifyToken?: VerifyToken;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Longest call; the deadline of the client shortens it. Default 30,000 ms. */
  readonly maxTimeoutMs?: number;
  /** Largest request and largest response. Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Calls at a time on one connection. Default 1,000. */
  readonly maxConcurrentStreams?: number;
  /** The name of this service: sent with responses to calls that this service has already repeated itself. */
  readonly service?: string;
  /** Concurrent calls, adapted to their latency; more are refused with RESOURCE_EXHAUSTED. Default: 16 to 1,000. */
  readonly load?: AdaptiveLimitOptions;
  /** Tools may ask which services there are and how they are declared. Default false. */
  readonly reflection?: boolean;
  /** How long `close` waits for running calls before it cuts them. Default 10,000 ms. */
  readonly drainTimeoutMs?: number;
}

export interface GrpcServer {
  /** Starts serving and returns the port; 0 takes a free one. Throws `GRPC_LISTEN_FAILED`. */
  listen(host: string, port: number): Promise<number>;
  /** Reports NOT_SERVING, refuses new calls, waits for running ones, then cuts the rest. */
  close(): Promise<void>;
}

/** A gRPC server without TLS: for a private network or behind a mesh. Health (grpc.health.v1) is included. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { services, verifyToken, logger, metrics } = options;
  const maxMessageBytes = options.maxMessageBytes ?? 1_048_576;
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? 1_000,
  });
  const deps: ServeDeps = {
    verifyToken,
    logger,
    duration: rpcServerDuration(metrics),
    maxTimeoutMs: options.maxTimeoutMs ?? 30_000,
    service: options.service ?? 'grpc',
    load: createLoad(options.load, metrics),
  };
  for (const service of services) addService(server, service, deps);
  const health = addHealthService(
    server,
    services.map((service) => service.descriptor.typeName),
  );

  if (options.reflection === true)
    addReflection(
      server,
      services.map(({ descriptor }) => descriptor),
    );

  let stopEnding: (() => void) | undefined;

  return {
    listen: async (host, asked) => {
      const port = await bind(server, `${hostInUrl(host)}:${asked}`);
      stopEnding = endEarlyAnswers(port);
      return port;
    },
    close: async () => {
      health.stop();
      await drain(server, options.drainTimeoutMs ?? 10_000);
      stopEnding?.();
    },
  };
}

function addService(server: Server, service: ServedService, deps: ServeDeps): void {
  const guarded = service.methods.some((method) => method.access !== 'public');
  if (guarded && deps.verifyToken === undefined) {
    throw new TypeError(`${service.descriptor.typeName} has methods with a policy: verifyToken is required`);
  }
  for (const method of service.methods) {
    const { input, output } = method.descriptor;
    server.register(
      `/${methodName(method.descriptor)}`,
      serveUnary(method, deps),
      (message: AnyMessage) => encode(output, message),
      (bytes) => decode(input, bytes),
      'unary',
    );
  }
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) return resolve(port);
      reject(new PlatformError('GRPC_LISTEN_FAILED', `cannot listen on ${address}`, { cause: error }));
    });
  });
}

function drain(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), timeoutMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
