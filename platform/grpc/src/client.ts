import {
  create,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { ON_BEHALF_OF } from '@flotilla/auth';
import type { Balancer, Endpoint } from '@flotilla/discovery';
import {
  currentContext,
  formatTraceparent,
  type Histogram,
  type Metrics,
  remainingMs,
  rpcClientDuration,
  withSpan,
} from '@flotilla/telemetry';
import { Metadata } from '@grpc/grpc-js';
import { type CallLimit, startLimit } from './call-limit.ts';
import { type Channels, createChannels } from './channels.ts';
import type { AnyMessage } from './codec.ts';
import { type CallFacts, callError, statusOf } from './errors.ts';
import { isUnary, methodName } from './implement.ts';
import { sendUnary } from './send-unary.ts';

export interface GrpcClientOptions {
  /** The name to look up in discovery. */
  readonly service: string;
  /** Chooses an instance for each call. */
  readonly pick: Balancer['pick'];
  /** The bearer token to send; without it none is sent. */
  readonly token?: () => Promise<string> | string;
  /** Longest call; the current deadline shortens it. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Longest wait for a connection to one instance. Default 1,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Largest request and largest response. Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** An instance that was not picked for this long is taken for gone and its connection closed. Default 60,000 ms. */
  readonly idleMs?: number;
  readonly metrics: Metrics;
}

export interface GrpcCallOptions {
  /** Cancels the call: `GRPC_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Instead of the client's. */
  readonly timeoutMs?: number;
  /** The token of the user in whose name this service calls, sent beside its own. */
  readonly onBehalfOf?: string;
}

type Caller<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: GrpcCallOptions) => Promise<MessageShape<O>>
    : never;

export type GrpcClient<S extends DescService> = {
  readonly [K in keyof S['method']]: Caller<S['method'][K]>;
} & {
  /** Ends running calls with `GRPC_CANCELLED` and closes all connections. */
  close(): void;
};

interface ClientDeps extends GrpcClientOptions {
  readonly channels: Channels;
  readonly duration: Histogram;
  readonly running: Set<CallLimit>;
}

/**
 * A typed client. Each call takes one instance from discovery; when no connection to it comes about, nothing
 * was sent, and one other instance is tried. A call that was sent is never repeated: that is the caller's
 * decision. Errors: `GrpcErrorCode`, and those of `pick` and `token`.
 */
export function createGrpcClient<S extends DescService>(
  service: S,
  options: GrpcClientOptions,
): GrpcClient<S> {
  const channels = createChannels({
    maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
    idleMs: options.idleMs ?? 60_000,
  });
  const running = new Set<CallLimit>();
  const deps = { ...options, channels, running, duration: rpcClientDuration(options.metrics) };
  const methods = service.methods.map((method) => {
    if (!isUnary(method)) throw new RangeError(`${methodName(method)}: only unary methods can be called`);
    const call = (request: MessageInitShape<typeof method.input>, callOptions: GrpcCallOptions = {}) =>
      measured(method, deps, () => attempt(method, create(method.input, request), deps, callOptions));
    return [method.localName, call];
  });
  const close = () => {
    for (const limit of running) limit.cut('the client was closed');
    channels.close();
  };
  // Built from the same descriptor that the type is derived from.
  return { ...Object.fromEntries(methods), close } as GrpcClient<S>;
}

async function measured<T>(
  method: DescMethodUnary,
  { service, duration }: ClientDeps,
  work: () => Promise<T>,
): Promise<T> {
  const name = methodName(method);
  const startedAt = performance.now();
  const end = (status: string) =>
    duration.observe((performance.now() - startedAt) / 1_000, {
      server_service: service,
      rpc_method: name,
      rpc_response_status_code: status,
    });
  try {
    const result = await withSpan(`call ${name}`, { 'rpc.method': name, 'server.service': service }, work);
    end('OK');
    return result;
  } catch (error) {
    end(statusOf(error));
    throw error;
  }
}

async function attempt(
  method: DescMethodUnary,
  request: AnyMessage,
  deps: ClientDeps,
  options: GrpcCallOptions,
): Promise<AnyMessage> {
  const facts = { method: methodName(method) };
  const timeoutMs = Math.min(options.timeoutMs ?? deps.timeoutMs ?? 5_000, remainingMs() ?? Infinity);
  const limit = startLimit(facts, timeoutMs, options.signal);
  deps.running.add(limit);
  try {
    const metadata = await limit.race(metadataFor(deps, options));
    const first = await limit.race(deps.pick(deps.service));
    const answer = await limit.race(tryOn(first, method, { request, metadata, deps, limit }));
    if (answer !== 'unreachable') return answer;
    const second = await limit.race(pickAnother(first, deps, facts));
    const secondAnswer = await limit.race(tryOn(second, method, { request, metadata, deps, limit }));
    if (secondAnswer !== 'unreachable') return secondAnswer;
    throw callError('UNAVAILABLE', 'two instances could not be reached', { ...facts, endpoint: second.id });
  } finally {
    deps.running.delete(limit);
    limit.end();
  }
}

interface Attempt {
  readonly request: AnyMessage;
  readonly metadata: Metadata;
  readonly deps: ClientDeps;
  readonly limit: CallLimit;
}

async function tryOn(
  endpoint: Endpoint,
  method: DescMethodUnary,
  { request, metadata, deps, limit }: Attempt,
): Promise<AnyMessage | 'unreachable'> {
  if (endpoint.grpcPort === undefined) return 'unreachable';
  const connectMs = Math.min(deps.connectTimeoutMs ?? 1_000, limit.remainingMs());
  return await deps.channels.use(endpoint, connectMs, (client) =>
    sendUnary(client, method, request, {
      metadata,
      deadline: Date.now() + limit.remainingMs(),
      signal: limit.signal,
      facts: { method: methodName(method), endpoint: endpoint.id },
    }),
  );
}

async function pickAnother(
  first: Endpoint,
  { pick, service }: ClientDeps,
  facts: CallFacts,
): Promise<Endpoint> {
  try {
    return await pick(service, { exclude: new Set([first.id]) });
  } catch (error) {
    const reached = { ...facts, endpoint: first.id };
    throw callError('UNAVAILABLE', 'the instance could not be reached and there is no other', reached, error);
  }
}

async function metadataFor({ token }: ClientDeps, { onBehalfOf }: GrpcCallOptions): Promise<Metadata> {
  const metadata = new Metadata();
  const trace = currentContext()?.trace;
  if (trace) metadata.set('traceparent', formatTraceparent(trace));
  if (token) metadata.set('authorization', `Bearer ${await token()}`);
  if (token && onBehalfOf !== undefined) metadata.set(ON_BEHALF_OF, onBehalfOf);
  return metadata;
}
