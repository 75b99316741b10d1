import { create } from '@bufbuild/protobuf';
import { actingFor, identifyCaller, ON_BEHALF_OF, type Principal, type VerifyToken } from '@flotilla/auth';
import { isPlatformError, PlatformError, toError, unlessAborted } from '@flotilla/kernel';
import {
  PRIORITY_FIELD,
  REFUSED_FIELD,
  RETRY_ATTEMPT_FIELD,
  RETRY_OWNER_FIELD,
  type RefusalReason,
} from '@flotilla/resilience';
import {
  currentContext,
  type Histogram,
  type Logger,
  parseTraceparent,
  type RequestContext,
  runInContext,
  withIncomingSpan,
} from '@flotilla/telemetry';
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import type { AnyMessage, Decoded } from './codec.ts';
import { callError, type GrpcErrorCode } from './errors.ts';
import { methodName, type Refusal, refuse, type ServedMethod } from './implement.ts';
import type { Load } from './load.ts';
import { statusCode } from './status.ts';

export interface ServeDeps {
  readonly verifyToken: VerifyToken | undefined;
  readonly logger: Logger;
  readonly duration: Histogram;
  readonly maxTimeoutMs: number;
  /** This service, for callers above, which must not repeat what was repeated here. */
  readonly service: string;
  readonly load: Load;
}

type Call = ServerUnaryCall<Decoded, AnyMessage>;
type Reply = { readonly message: AnyMessage } | Marked;
type Answer = (
  error: { code: number; details: string; metadata?: Metadata } | null,
  message?: AnyMessage,
) => void;

/** The handler that grpc-js calls for one unary method. */
export function serveUnary(method: ServedMethod, deps: ServeDeps): (call: Call, answer: Answer) => void {
  const name = methodName(method.descriptor);
  return (call, answer) => {
    const startedAt = performance.now();
    const serving = deps.load.admits() ? serve(name, method, call, deps) : Promise.resolve(OVERLOADED);
    void serving.then((reply) => {
      const status = 'refused' in reply ? reply.refused : 'OK';
      deps.duration.observe((performance.now() - startedAt) / 1_000, {
        rpc_method: name,
        rpc_response_status_code: status,
      });
      if ('refused' in reply) answer(statusOf(reply));
      else answer(null, reply.message);
    });
  };
}

/** Metadata that the caller gets beside the status. */
type Marked = Refusal & { readonly marks?: Readonly<Record<string, string>> };

const OVERLOADED: Marked = {
  ...refuse('RESOURCE_EXHAUSTED', 'there is too much to do'),
  // The second is for clients that are not ours: no repetition by a retry policy.
  marks: { [REFUSED_FIELD]: 'overload' satisfies RefusalReason, 'grpc-retry-pushback-ms': '-1' },
};

function statusOf({ refused, message, marks }: Marked): {
  code: number;
  details: string;
  metadata?: Metadata;
} {
  const status = { code: statusCode(refused), details: message };
  if (marks === undefined) return status;
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(marks)) metadata.set(name, value);
  return { ...status, metadata };
}

/** Never rejects: whatever happens becomes a reply. */
async function serve(name: string, method: ServedMethod, call: Call, deps: ServeDeps): Promise<Reply> {
  const limit = abortWithCall(name, call, deps.maxTimeoutMs);
  const retryAttempt = textOf(call.metadata, RETRY_ATTEMPT_FIELD);
  const priority = textOf(call.metadata, PRIORITY_FIELD);
  const context: Omit<RequestContext, 'trace'> = {
    deadlineAt: limit.deadlineAt,
    ...(retryAttempt !== undefined &&
      /^[1-9]\d{0,2}$/.test(retryAttempt) && { retryAttempt: Number(retryAttempt) }),
    ...((priority === 'sheddable' || priority === 'normal') && { priority }),
    acting: 'nobody',
  } as const;
  const attributes: Record<string, string> = { 'rpc.system.name': 'grpc', 'rpc.method': name };
  const caller = parseTraceparent(textOf(call.metadata, 'traceparent'));
  let refusal: Marked | undefined;
  const work = async () => {
    try {
      // A handler that ignores its signal must not keep the caller waiting.
      const reply = await unlessAborted(limit.signal, () =>
        deps.load.run(() => run(method, call, deps, limit.signal)),
      );
      attributes['rpc.response.status_code'] = 'refused' in reply ? reply.refused : 'OK';
      return reply;
    } catch (error) {
      refusal = toRefusal(name, error, deps); // here, where its log line has the trace
      attributes['rpc.response.status_code'] = refusal.refused;
      throw error;
    } finally {
      limit.end();
    }
  };
  const span = { name, kind: 'server', attributes, caller, context } as const;
  return await withIncomingSpan(span, work).catch(
    (error: unknown) => refusal ?? toRefusal(name, error, deps),
  );
}

async function run(
  { access, descriptor, validate, handle }: ServedMethod,
  call: Call,
  { verifyToken }: ServeDeps,
  signal: AbortSignal,
): Promise<Reply> {
  let principal: Principal | undefined;
  if (access !== 'public') {
    principal = await authenticate(call.metadata, verifyToken);
    if (principal === undefined) return refuse('UNAUTHENTICATED', 'a bearer token is required');
    if (!access.allows(principal)) return refuse('PERMISSION_DENIED', `requires ${access.name}`);
  }
  if (!call.request.ok) return refuse('INVALID_ARGUMENT', 'the request is not a valid message');
  const issues = validate(call.request.value);
  if (issues.length > 0) {
    return refuse('INVALID_ARGUMENT', issues.map(({ path, message }) => `${path} ${message}`).join('; '));
  }
  const message = call.request.value;
  const reply = await inNameOf(principal, () => handle(message, { signal, ...(principal && { principal }) }));
  return isRefusal(reply) ? reply : { message: create(descriptor.output, reply) };
}

function inNameOf<T>(principal: Principal | undefined, work: () => T): T {
  const context = currentContext();
  if (principal === undefined || context === undefined) return work();
  const { acting: _nobody, ...rest } = context;
  const acting = actingFor(principal);
  return runInContext(acting === undefined ? rest : { ...rest, acting }, work);
}

async function authenticate(
  metadata: Metadata,
  verifyToken: VerifyToken | undefined,
): Promise<Principal | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(textOf(metadata, 'authorization') ?? '')?.[1];
  if (token === undefined || verifyToken === undefined) return undefined;
  return await identifyCaller(verifyToken, { token, userToken: textOf(metadata, ON_BEHALF_OF) });
}

function isRefusal(reply: object): reply is Refusal {
  return 'refused' in reply;
}

/** The one place where faults become statuses; what the client reads says nothing internal. */
function toRefusal(name: string, thrown: unknown, { logger, service }: ServeDeps): Marked {
  const error = toError(thrown);
  const code = isPlatformError(error) ? error.code : undefined;
  if (code === 'AUTH_TOKEN_INVALID') return refuse('UNAUTHENTICATED', 'the token is not valid');
  if (code === 'AUTH_CALLER_REFUSED')
    return refuse('PERMISSION_DENIED', 'the service that calls may not call this one');
  if (error instanceof CallEnded) {
    return refuse(error.code === 'GRPC_DEADLINE' ? 'DEADLINE_EXCEEDED' : 'CANCELLED', 'the call ended early');
  }
  if (isPlatformError(error) && error.retryable) {
    logger.warn({ err: error, rpc_method: name }, 'call not possible now');
    return { ...refuse('UNAVAILABLE', 'temporarily unavailable'), marks: marksOf(error, service) };
  }
  logger.error({ err: error, rpc_method: name }, 'call failed');
  return refuse('INTERNAL', 'internal error');
}

const REASON_BY_CODE: Readonly<Record<string, RefusalReason>> = {
  RESILIENCE_CIRCUIT_OPEN: 'circuit',
  RESILIENCE_OVERLOADED: 'overload',
};
/** Thrown by a call to another service. */
const FROM_A_CALL = /^(HTTP|GRPC|DISCOVERY)_/;

function marksOf({ code, details }: PlatformError, service: string): Readonly<Record<string, string>> {
  const reason = REASON_BY_CODE[code];
  if (reason !== undefined) return { [REFUSED_FIELD]: reason };
  if (!FROM_A_CALL.test(code)) return {};
  const owner = details['retryOwner'];
  return { [RETRY_OWNER_FIELD]: typeof owner === 'string' ? owner : service };
}

/** The reason of an aborted call; its own class tells it from the same code thrown by a call of the handler. */
class CallEnded extends PlatformError<GrpcErrorCode> {}

interface CallLimit {
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  end(): void;
}

function abortWithCall(method: string, call: Call, maxTimeoutMs: number): CallLimit {
  const controller = new AbortController();
  const deadline = Number(call.getDeadline());
  const timeoutMs = Math.min(Math.max(0, deadline - Date.now()), maxTimeoutMs);
  const abort = (status: 'DEADLINE_EXCEEDED' | 'CANCELLED') => {
    const { code, message, retryable, details } = callError(status, 'ended before it was answered', {
      method,
    });
    controller.abort(new CallEnded(code, message, { retryable, details }));
  };
  const timer = setTimeout(() => abort('DEADLINE_EXCEEDED'), timeoutMs);
  const onCancelled = () => abort(Date.now() >= deadline ? 'DEADLINE_EXCEEDED' : 'CANCELLED');
  call.once('cancelled', onCancelled);
  return {
    signal: controller.signal,
    deadlineAt: performance.now() + timeoutMs,
    end: () => {
      clearTimeout(timer);
      call.off('cancelled', onCancelled);
    },
  };
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
