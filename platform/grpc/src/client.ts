import {
  create,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { ON_BEHALF_OF } from '@flotilla/auth';
import type { Balancer, Endpoint, PickedEndpoint } from '@flotilla/discovery';
import { isPlatformError } from '@flotilla/kernel';
import {
  type Attempt,
  createEdges,
  type Edge,
  type EdgeOptions,
  type Edges,
  judgePlatformError,
  PRIORITY_FIELD,
  RETRY_ATTEMPT_FIELD,
  sufferFault,
  type Verdict,
} from '@flotilla/resilience';
import {
  currentContext,
  formatTraceparent,
  type Histogram,
  type Metrics,
  rpcClientDuration,
  silentLogger,
  withSpan,
} from '@flotilla/telemetry';
import { type Client, Metadata } from '@grpc/grpc-js';
import { type Channels, createChannels } from './channels.ts';
import type { AnyMessage } from './codec.ts';
import { callError, statusOf } from './errors.ts';
import { faultForms } from './fault-forms.ts';
import { isUnary, methodName } from './implement.ts';
import { sendUnary } from './send-unary.ts';

export interface GrpcClientOptions {
  /** The name to look up in discovery. */
  readonly service: string;
  /** Chooses an instance for each call. */
  readonly pick: Balancer['pick'];
  /** The bearer token to send; without it none is sent. */
  readonly token?: () => Promise<string> | string;
  /**
   * Gives a user's token for this service alone, which `onBehalfOf` then sends in place of both tokens: it says who the user is and who
   * calls. Default: the user's token is passed on.
   */
  readonly exchange?: ((userToken: string) => Promise<string>) | undefined;
  /** Longest call; the current deadline shortens it. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Longest wait for a connection to one instance. Default 1,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Largest request and largest response. Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** An instance that has not been picked for this long counts as gone, and its connection is closed. Default 60,000 ms. */
  readonly idleMs?: number;
  readonly metrics: Metrics;
  /** What is configured and known about the calls of this service, shared by all its clients. Default: the defaults, for this client alone. */
  readonly edges?: Edges;
  /** Overrides the defaults of `policy` in `@flotilla/resilience`; the system's configuration takes precedence. */
  readonly policy?: Omit<EdgeOptions, 'deadlineMs' | 'judge' | 'errors' | 'protocol'>;
}

export interface GrpcCallOptions {
  /** Cancels the call: `GRPC_CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Overrides the client's. */
  readonly timeoutMs?: number;
  /** The call may be repeated although it may have been carried out. Default false. */
  readonly idempotent?: boolean;
  /** The token of the user in whose name this service calls: sent beside its own, or exchanged. */
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
  readonly edge: Edge;
  /** As functions that cancel them. */
  readonly running: Set<() => void>;
  readonly isClosed: () => boolean;
}

/**
 * A typed client. Each attempt takes one instance from discovery; while none can be connected to, nothing has been
 * sent, and others are tried. A call that was sent is repeated only when it says `idempotent`. Errors: `GrpcErrorCode`, those of
 * `ResilienceErrorCode` when nothing was sent, and those of `pick` and `token`.
 */
export function createGrpcClient<S extends DescService>(
  service: S,
  options: GrpcClientOptions,
): GrpcClient<S> {
  const { metrics } = options;
  const channels = createChannels({
    maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
    idleMs: options.idleMs ?? 60_000,
  });
  const edges = options.edges ?? createEdges({ caller: 'client', logger: silentLogger, metrics });
  const edge = edges.to(options.service, {
    hedge: {},
    ...options.policy,
    protocol: 'grpc',
    deadlineMs: options.timeoutMs ?? 5_000,
    judge,
    errors: errorsOf(options.service),
  });
  const running = new Set<() => void>();
  let isClosed = false;
  const deps = {
    ...options,
    ...{ channels, running, edge, duration: rpcClientDuration(metrics), isClosed: () => isClosed },
  };
  const methods = service.methods.map((method) => {
    if (!isUnary(method)) throw new RangeError(`${methodName(method)}: only unary methods can be called`);
    const call = (request: MessageInitShape<typeof method.input>, callOptions: GrpcCallOptions = {}) =>
      measured(method, deps, () => callOnce(method, create(method.input, request), deps, callOptions));
    return [method.localName, call];
  });
  const close = () => {
    isClosed = true;
    for (const cancel of running) cancel();
    channels.close();
  };
  // Built from the same descriptor that the type is derived from.
  return { ...Object.fromEntries(methods), close } as GrpcClient<S>;
}

function errorsOf(service: string): NonNullable<EdgeOptions['errors']> {
  const facts = { method: service };
  return {
    deadline: () => callError('DEADLINE_EXCEEDED', 'no answer in time', facts),
    cancelled: (cause) => callError('CANCELLED', 'the caller gave up', facts, cause),
  };
}

const TOO_LATE: Verdict = { says: 'failed', repeat: 'never' };

/** After DEADLINE_EXCEEDED the time of this call is up as well. */
function judge(error: unknown): Verdict {
  const verdict = judgePlatformError(error);
  const isLate = isPlatformError(error) && error.code === 'GRPC_DEADLINE' && verdict.says === 'failed';
  return isLate ? TOO_LATE : verdict;
}

async function measured<T>(
  method: DescMethodUnary,
  { service, duration }: ClientDeps,
  work: () => Promise<T>,
): Promise<T> {
  const name = methodName(method);
  const startedAt = performance.now();
  const facts: Record<string, string> = {
    'rpc.system.name': 'grpc',
    'rpc.method': name,
    'peer.service': service,
  };
  const end = (status: string) => {
    duration.observe((performance.now() - startedAt) / 1_000, {
      server_service: service,
      rpc_method: name,
      rpc_response_status_code: status,
    });
    facts['rpc.response.status_code'] = status;
  };
  const call = async () => {
    try {
      const result = await work();
      end('OK');
      return result;
    } catch (error) {
      end(statusOf(error));
      throw error;
    }
  };
  return await withSpan(name, facts, call, { kind: 'client' });
}

function callOnce(
  method: DescMethodUnary,
  request: AnyMessage,
  deps: ClientDeps,
  { signal, timeoutMs, idempotent = false, onBehalfOf }: GrpcCallOptions,
): Promise<AnyMessage> {
  return deps.edge.policy(
    async (attempt) => {
      const metadata = await metadataFor(deps, attempt, onBehalfOf);
      return await tryOnce(method, request, metadata, deps, attempt);
    },
    { repeatable: idempotent, signal, deadlineMs: timeoutMs },
  );
}

async function tryOnce(
  method: DescMethodUnary,
  request: AnyMessage,
  metadata: Metadata,
  deps: ClientDeps,
  attempt: Attempt,
): Promise<AnyMessage> {
  const { edge, pick, service } = deps;
  const facts = { method: methodName(method) };
  const endpoint = await edge.choose<PickedEndpoint>(attempt, (exclude) => pick(service, { exclude }));
  return await edge.at(endpoint, attempt, async () => {
    if (deps.isClosed()) throw callError('CANCELLED', 'the client was closed', facts);
    const send = () => sendTo(endpoint, method, request, metadata, deps, attempt);
    const fault = edge.injected();
    return await (fault === undefined ? send() : sufferFault(fault, attempt, faultForms(facts, send)));
  });
}

async function sendTo(
  endpoint: Endpoint,
  method: DescMethodUnary,
  request: AnyMessage,
  metadata: Metadata,
  { channels, running, connectTimeoutMs = 1_000 }: ClientDeps,
  attempt: Attempt,
): Promise<AnyMessage> {
  const facts = { method: methodName(method), endpoint: endpoint.id };
  const answer = await reach(
    endpoint,
    channels,
    Math.min(connectTimeoutMs, attempt.remainingMs()),
    (client) =>
      sendUnary(client, method, request, {
        metadata,
        deadline: Date.now() + attempt.remainingMs(),
        attempt,
        running,
        facts,
      }),
  );
  if (answer !== 'unreachable') return answer;
  throw callError('UNAVAILABLE', 'no connection', facts, undefined, { sent: false });
}

async function reach<T>(
  endpoint: Endpoint,
  channels: Channels,
  timeoutMs: number,
  work: (client: Client) => Promise<T>,
): Promise<T | 'unreachable'> {
  if (endpoint.grpcPort === undefined) return 'unreachable';
  return await channels.use(endpoint, timeoutMs, work);
}

async function metadataFor(
  { token, exchange }: ClientDeps,
  attempt: Attempt,
  onBehalfOf: string | undefined,
): Promise<Metadata> {
  const metadata = new Metadata();
  const { trace, priority, retryAttempt = 0 } = currentContext() ?? {};
  if (trace) metadata.set('traceparent', formatTraceparent(trace));
  const repeated = Math.max(retryAttempt, attempt.number - 1);
  if (repeated > 0) metadata.set(RETRY_ATTEMPT_FIELD, String(repeated));
  if (priority !== undefined && priority !== 'critical') metadata.set(PRIORITY_FIELD, priority);
  if (exchange !== undefined && onBehalfOf !== undefined) {
    metadata.set('authorization', `Bearer ${await exchange(onBehalfOf)}`);
    return metadata;
  }
  if (token) metadata.set('authorization', `Bearer ${await token()}`);
  if (token && onBehalfOf !== undefined) metadata.set(ON_BEHALF_OF, onBehalfOf);
  return metadata;
}
