import type { Exchange } from '../exchange.ts';
import type { CachedResponse } from '../policies/cache/cached-response.ts';
import type { CachePolicy } from '../policies/cache/compile-cache.ts';
import type { Recorder } from '../policies/cache/recorder.ts';
import type { Lookup, Settled } from '../policies/cache/response-cache.ts';
import { downstreamBaseUrl } from '../policies/header-transforms/header-transforms.ts';
import { CLIENT_GONE, type Refusal } from '../wire/rules/refusal.ts';
import { askBackend } from './ask-backend.ts';
import { bytesAsBody } from './buffered-body.ts';
import { createCollectedResponse } from './collected-response.ts';
import type { Done, Fallback, ForwardDeps, ResponseTap } from './forwarding.ts';
import type { RouteRuntime } from './route-runtime.ts';
import { readWhole } from './whole-body.ts';

/** Answers from the cache of the route, or from the back end while the cache looks on. */
export function serveCached(
  exchange: Exchange,
  route: RouteRuntime,
  cache: CachePolicy,
  deps: ForwardDeps,
  done: Done,
): void {
  if (!cache.wantsBody(exchange.request)) {
    settle(cache.lookup(exchange, undefined));
    return;
  }
  const { framing } = exchange.body;
  readWhole(exchange.body, route.config.maxBodyBytes)
    .then((body) => {
      if (!Buffer.isBuffer(body)) return done(body);
      exchange.body = bytesAsBody(body, framing);
      settle(cache.lookup(exchange, body));
    })
    .catch(fault);

  function settle(found: Lookup): void {
    if (found.kind === 'wait') follow(found.settled);
    else go(found, 0);
  }

  /** Another request is fetching the response. Waiting for it may take no longer than this route's own fetch. */
  function follow(settled: Promise<Settled>): void {
    deps.onCache(exchange, 'coalesced');
    const { timers, refusals } = deps;
    const startedAtMs = performance.now();
    let isOver = false;
    const end = (refusal: Refusal) => {
      isOver = true;
      deadline.cancel();
      exchange.onGone = undefined;
      done(refusal);
    };
    const deadline = timers.after(route.config.timeoutMs, () => end(refusals.timeout(route.config)));
    exchange.onGone = () => end(CLIENT_GONE);
    settled
      .then((found) => {
        if (isOver) return leaveToOthers(found);
        deadline.cancel();
        exchange.onGone = undefined;
        go(found, performance.now() - startedAtMs);
      })
      .catch(fault);
  }

  function go(found: Settled, waitedMs: number): void {
    if (found.kind === 'hit') {
      deps.onCache(exchange, found.refresh === undefined ? 'hit' : 'stale');
      if (found.refresh !== undefined) refresh(exchange, route, found.refresh, deps);
      send(exchange, route, found.answer);
      done(undefined);
    } else if (found.kind === 'miss') {
      deps.onCache(exchange, 'miss');
      fetchInto(exchange, route, { recorder: found.recorder, waitedMs }, deps, done);
    } else {
      deps.onCache(exchange, 'bypass');
      askBackend(exchange, route, { done }, deps, waitedMs);
    }
  }

  function fault(error: unknown): void {
    deps.onFault(exchange, error, done);
  }
}

/** The client whose request was to fetch has gone: those waiting must not wait for it. */
function leaveToOthers(found: Settled): void {
  if (found.kind === 'miss') found.recorder.abandon('client-gone');
  else if (found.kind === 'hit') found.refresh?.abandon('client-gone');
}

function fetchInto(
  exchange: Exchange,
  route: RouteRuntime,
  { recorder, waitedMs }: { readonly recorder: Recorder; readonly waitedMs: number },
  deps: ForwardDeps,
  done: Done,
): void {
  const ended = (refusal: Refusal | undefined) => {
    if (refusal !== undefined) recorder.abandon(refusal.code === 'client-gone' ? 'client-gone' : 'failed');
    done(refusal);
  };
  const tap = recorderTap(exchange, recorder);
  const fallback = staleInstead(exchange, route, recorder, done);
  try {
    askBackend(exchange, route, { tap, fallback, done: ended }, deps, waitedMs);
  } catch (error) {
    deps.onFault(exchange, error, ended); // others wait for this recorder
  }
}

function send(
  exchange: Exchange,
  { shapeResponse }: RouteRuntime,
  { head, body, source }: CachedResponse,
): void {
  exchange.answer.send(shapeResponse(exchange, head, source), body);
}

function recorderTap({ answer }: Exchange, recorder: Recorder): ResponseTap {
  let isStored = false;
  return {
    head: (head, backend) => {
      isStored = recorder.head(head, downstreamBaseUrl(backend.origin));
    },
    data: (chunk) => {
      if (isStored) recorder.chunk(chunk);
    },
    end: (how) => {
      if (how === 'complete') recorder.complete();
      else recorder.abandon(answer.state === 'gone' ? 'client-gone' : 'failed');
    },
  };
}

const SERVER_FAULTS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** RFC 5861: a response that is too old is better than an error. */
function staleInstead(exchange: Exchange, route: RouteRuntime, recorder: Recorder, done: Done): Fallback {
  let stale: CachedResponse | undefined;
  return {
    accepts: (outcome) => {
      if (typeof outcome === 'number' && !SERVER_FAULTS.has(outcome)) return false;
      stale = recorder.instead();
      return stale !== undefined;
    },
    take: () => {
      recorder.abandon('failed');
      if (stale !== undefined) send(exchange, route, stale);
      done(undefined);
    },
  };
}

const dropped = () => 0;

/** Behind the back of the client, which has its response. */
function refresh(exchange: Exchange, route: RouteRuntime, recorder: Recorder, deps: ForwardDeps): void {
  const detached: Exchange = {
    ...exchange,
    answer: createCollectedResponse(dropped),
    body: bytesAsBody(Buffer.alloc(0), { kind: 'none' }),
    onGone: undefined,
  };
  const ended = (refusal: Refusal | undefined) => {
    if (refusal !== undefined) recorder.abandon('failed');
  };
  try {
    askBackend(detached, route, { tap: recorderTap(detached, recorder), done: ended }, deps);
  } catch (error) {
    deps.onFault(detached, error, ended);
  }
}
