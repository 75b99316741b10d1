import type { Endpoint } from '@flotilla/discovery';
import { type Clock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { RouteConfig } from './config/gateway-config.ts';
import type { Connections } from './connections.ts';
import { downstreamPath } from './downstream-path.ts';
import type { Endpoints } from './endpoints.ts';
import type { Exchange } from './exchange.ts';
import type { Target } from './http/target.ts';
import {
  BAD_GATEWAY,
  BODY_TOO_LARGE,
  GATEWAY_TIMEOUT,
  type Refusal,
  SERVICE_UNAVAILABLE,
} from './refusal.ts';
import { type Failure, type Outcome, relay } from './relay.ts';
import { isTooLarge, requestBody } from './request-body.ts';
import type { RequestHead } from './request-head.ts';
import type { AnswerHead, Recorder } from './response-cache.ts';
import type { RouteMatch } from './route-table.ts';
import { upstreamHeaders } from './upstream-headers.ts';

export interface ForwardDeps {
  readonly connections: Connections;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts repeated tries by what made them necessary. */
  readonly countRetry: (why: 'no-connection' | 'no-answer') => void;
}

export interface ForwardRequest {
  readonly head: RequestHead;
  readonly target: Target;
  readonly match: RouteMatch;
  readonly endpoints: Endpoints;
  readonly record: (head: AnswerHead) => Recorder | undefined;
}

/** How long a service without a reachable instance is waited for: a restart costs time, not errors. */
const RESTART_PATIENCE_MS = 4_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 250;
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);

/**
 * Passes the request to an instance and its answer back. Resolves with a refusal when nothing was answered
 * yet, with `undefined` when the client has its answer or is gone. A request is sent a second time only if it
 * is idempotent, has no body and no byte of an answer came; a try that found no connection sent nothing and
 * may always be repeated elsewhere.
 */
export async function forward(
  exchange: Exchange,
  request: ForwardRequest,
  deps: ForwardDeps,
): Promise<Refusal | undefined> {
  const { head, match, endpoints } = request;
  const { route } = match;
  if (head.body.kind === 'length' && head.body.bytes > route.maxBodyBytes) return BODY_TOO_LARGE;
  const tried: Tried = { refused: new Set(), avoid: new Set() };
  const patience = createPatience(route, deps.clock);

  while (!exchange.signal.aborted) {
    const endpoint = await endpoints.pick(tried.refused, tried.avoid);
    if (endpoint === undefined) {
      if (!(await patience.wait(exchange.signal))) break;
      tried.refused.clear();
      continue;
    }
    const outcome = await tryOnce(exchange, request, endpoint, deps);
    if (outcome.kind === 'answered') return undefined;
    if (exchange.signal.aborted) break;
    const refusal = judgeFailure(request, outcome, endpoint, tried, deps);
    if (refusal !== undefined) return refusal;
  }
  return exchange.signal.aborted ? endOf(exchange) : nobody(route);
}

/** Instances that took no connection, and those that took the request and gave nothing. */
interface Tried {
  readonly refused: Set<string>;
  readonly avoid: Set<string>;
}

/** `undefined` = try again. */
function judgeFailure(
  { head, match }: ForwardRequest,
  { error, progress }: Failure,
  endpoint: Endpoint,
  { refused, avoid }: Tried,
  { logger, countRetry }: ForwardDeps,
): Refusal | undefined {
  if (isTooLarge(error)) return BODY_TOO_LARGE;
  if (progress === 'not-sent') {
    countRetry('no-connection');
    refused.add(endpoint.id);
    return undefined;
  }
  const repeatable = REPEATABLE.has(head.method) && head.body.kind === 'none' && avoid.size === 0;
  if (progress === 'sent' && repeatable) {
    countRetry('no-answer');
    avoid.add(endpoint.id);
    return undefined;
  }
  logger.warn({ route: match.route.name, err: toError(error) }, 'the back end gave no usable answer');
  return BAD_GATEWAY;
}

function tryOnce(
  exchange: Exchange,
  { head, target, match, record }: ForwardRequest,
  endpoint: Endpoint,
  { connections }: ForwardDeps,
): Promise<Outcome> {
  const { route } = match;
  const origin = `${route.scheme}://${endpoint.host}:${endpoint.port}`;
  return relay({
    exchange,
    dispatcher: connections.to(origin),
    request: {
      origin,
      path: downstreamPath(match, target),
      method: head.method,
      headers: upstreamHeaders(exchange, head, route, endpoint),
      body: requestBody(exchange, head.body, route.maxBodyBytes),
    },
    record,
  });
}

function endOf({ signal }: Exchange): Refusal | undefined {
  return signal.reason === 'deadline' ? GATEWAY_TIMEOUT : undefined;
}

/** Discovered instances that take no connection are as good as none; a configured host is simply broken. */
function nobody({ target }: RouteConfig): Refusal {
  return target.kind === 'service' ? SERVICE_UNAVAILABLE : BAD_GATEWAY;
}

/** Waits a little longer each time, `false` when it has been long enough. Configured hosts are not waited for. */
function createPatience(
  { target }: RouteConfig,
  clock: Clock,
): { wait(signal: AbortSignal): Promise<boolean> } {
  let leftMs = target.kind === 'service' ? RESTART_PATIENCE_MS : 0;
  let pauseMs = FIRST_PAUSE_MS;
  return {
    wait: async (signal) => {
      if (leftMs <= 0) return false;
      leftMs -= pauseMs;
      try {
        await clock.sleep(pauseMs, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        return false;
      }
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      return true;
    },
  };
}
