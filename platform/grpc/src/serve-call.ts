import { create } from '@bufbuild/protobuf';
import { identifyCaller, ON_BEHALF_OF, type Principal, type VerifyToken } from '@flotilla/auth';
import { isPlatformError, PlatformError, toError } from '@flotilla/kernel';
import {
  type Histogram,
  type Logger,
  newTrace,
  parseTraceparent,
  type RecordSpan,
  runInContext,
  withSpan,
} from '@flotilla/telemetry';
import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import type { AnyMessage, Decoded } from './codec.ts';
import { callError, type GrpcErrorCode } from './errors.ts';
import { methodName, type Refusal, refuse, type ServedMethod } from './implement.ts';
import { statusCode } from './status.ts';

export interface ServeDeps {
  readonly verifyToken: VerifyToken | undefined;
  readonly logger: Logger;
  readonly duration: Histogram;
  readonly maxTimeoutMs: number;
  readonly recordSpan: RecordSpan;
}

type Call = ServerUnaryCall<Decoded, AnyMessage>;
type Reply = { readonly message: AnyMessage } | Refusal;
type Answer = (error: { code: number; details: string } | null, message?: AnyMessage) => void;

/** The handler that grpc-js calls for one unary method. */
export function serveUnary(method: ServedMethod, deps: ServeDeps): (call: Call, answer: Answer) => void {
  const name = methodName(method.descriptor);
  return (call, answer) => {
    const startedAt = performance.now();
    void serve(name, method, call, deps).then((reply) => {
      const status = 'refused' in reply ? reply.refused : 'OK';
      deps.duration.observe((performance.now() - startedAt) / 1_000, {
        rpc_method: name,
        rpc_response_status_code: status,
      });
      if ('refused' in reply) answer({ code: statusCode(reply.refused), details: reply.message });
      else answer(null, reply.message);
    });
  };
}

/** Never rejects: whatever happens becomes a reply. */
async function serve(name: string, method: ServedMethod, call: Call, deps: ServeDeps): Promise<Reply> {
  const limit = abortWithCall(name, call, deps.maxTimeoutMs);
  const context = {
    trace: parseTraceparent(textOf(call.metadata, 'traceparent')) ?? newTrace(),
    deadlineAt: limit.deadlineAt,
    recordSpan: deps.recordSpan,
  };
  return await runInContext(context, async () => {
    try {
      return await withSpan(`serve ${name}`, { 'rpc.method': name }, () =>
        // A handler that ignores its signal must not keep the caller waiting.
        Promise.race([run(method, call, deps, limit.signal), limit.aborted]),
      );
    } catch (error) {
      return toRefusal(name, error, deps.logger);
    } finally {
      limit.end();
    }
  });
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
  const reply = await handle(call.request.value, { signal, ...(principal && { principal }) });
  return isRefusal(reply) ? reply : { message: create(descriptor.output, reply) };
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

/** The one place where faults become statuses; what the client reads says nothing about our inside. */
function toRefusal(name: string, thrown: unknown, logger: Logger): Refusal {
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
    return refuse('UNAVAILABLE', 'temporarily unavailable');
  }
  logger.error({ err: error, rpc_method: name }, 'call failed');
  return refuse('INTERNAL', 'internal error');
}

/** The reason of an aborted call; its own class tells it from the same code thrown by a call of the handler. */
class CallEnded extends PlatformError<GrpcErrorCode> {}

interface CallLimit {
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  readonly aborted: Promise<never>;
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
    aborted: new Promise((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    }),
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
