import type { CachedAnswer } from '../cache/cached-answer.ts';
import type { CachePolicy } from '../cache/compile-cache.ts';
import type { Recorder } from '../cache/recorder.ts';
import type { Lookup, Settled } from '../cache/response-cache.ts';
import { createCollectedAnswer } from '../collected-answer.ts';
import type { Exchange } from '../exchange.ts';
import { downstreamBaseUrl } from '../transforms/header-transforms.ts';
import { askBackend, type Done } from './ask-backend.ts';
import { bytesAsBody } from './buffered-body.ts';
import type { AnswerTap, Fallback, ForwardDeps } from './forward.ts';
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
  readWhole(exchange.body, route.config.maxBodyBytes).then((body) => {
    if (!Buffer.isBuffer(body)) return done(body);
    exchange.body = bytesAsBody(body, framing);
    settle(cache.lookup(exchange, body));
  }, fault);

  function settle(found: Lookup): void {
    if (found.kind !== 'wait') {
      go(found);
      return;
    }
    deps.onCache(exchange, 'coalesced');
    found.settled.then(go, fault);
  }

  function go(found: Settled): void {
    if (found.kind === 'hit') {
      deps.onCache(exchange, found.refresh === undefined ? 'hit' : 'stale');
      send(exchange, route, found.answer);
      done(undefined);
      if (found.refresh !== undefined) refresh(exchange, route, found.refresh, deps);
    } else if (found.kind === 'miss') {
      deps.onCache(exchange, 'miss');
      const { recorder } = found;
      askBackend(
        exchange,
        route,
        { tap: recorderTap(exchange, recorder), fallback: staleInstead(exchange, route, recorder, done) },
        deps,
        (refusal) => {
          if (refusal !== undefined)
            recorder.abandon(refusal.code === 'client-gone' ? 'client-gone' : 'failed');
          done(refusal);
        },
      );
    } else {
      deps.onCache(exchange, 'bypass');
      askBackend(exchange, route, {}, deps, done);
    }
  }

  function fault(error: unknown): void {
    deps.onFault(exchange, error, done);
  }
}

function send(exchange: Exchange, { shapeAnswer }: RouteRuntime, { head, body, source }: CachedAnswer): void {
  exchange.answer.send(shapeAnswer(exchange, head, source), body);
}

function recorderTap({ answer }: Exchange, recorder: Recorder): AnswerTap {
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

/** RFC 5861: an answer that is too old is better than an error. */
function staleInstead(exchange: Exchange, route: RouteRuntime, recorder: Recorder, done: Done): Fallback {
  let stale: CachedAnswer | undefined;
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

/** Behind the back of the client, which has its answer. */
function refresh(exchange: Exchange, route: RouteRuntime, recorder: Recorder, deps: ForwardDeps): void {
  const detached: Exchange = {
    ...exchange,
    answer: createCollectedAnswer(0),
    body: bytesAsBody(Buffer.alloc(0), { kind: 'none' }),
    onGone: undefined,
  };
  askBackend(detached, route, { tap: recorderTap(detached, recorder) }, deps, (refusal) => {
    if (refusal !== undefined) recorder.abandon('failed');
  });
}
