import type { Clock } from '@flotilla/kernel';
import type { Timers } from '../../time/timers.ts';
import type { CacheRequest } from './cache-request.ts';
import { type CachedResponse, reuse } from './cached-response.ts';
import { createRecorder, type Outcome, type Recorder, type Recording } from './recorder.ts';
import { type CacheLimits, createResponseStore, type Purge, type StoredResponse } from './store.ts';
import { variantKey } from './vary.ts';

export type Lookup = Settled | { readonly kind: 'wait'; readonly settled: Promise<Settled> };

export type Settled =
  /** Neither answered from the cache nor stored. */
  | { readonly kind: 'bypass' }
  /** `refresh`: the response is stale; fetch a new one into it behind the client's back. */
  | { readonly kind: 'hit'; readonly answer: CachedResponse; readonly refresh: Recorder | undefined }
  | { readonly kind: 'miss'; readonly recorder: Recorder };

/** The responses of one process. It outlives configurations: entries are kept over a reload. */
export interface ResponseCache {
  lookup(request: CacheRequest): Lookup;
  /** Also what is being fetched right now will not be stored. Gives how many entries went. */
  purge(what: Purge): number;
  readonly entries: number;
  readonly bytes: number;
}

/** One fetch that others wait for. */
interface Flight {
  readonly recorder: Recorder;
  waiters: Waiter[];
  hasHead: boolean;
  isTimed: boolean;
}

interface Waiter {
  readonly request: CacheRequest;
  readonly resolve: (settled: Settled) => void;
}

export const DEFAULT_CACHE_LIMITS: CacheLimits = {
  maxEntries: 10_000,
  maxBytes: 64 * 2 ** 20,
  maxResponseBytes: 2 ** 20,
};

/** Requests for a key go on by themselves for a while. */
interface Separation {
  readonly untilMs: number;
  readonly why: 'failed' | 'not-storable';
}

/** How long after the head others wait for the body, which comes no faster than its own client reads. */
const MAX_BODY_WAIT_MS = 2_000;
/** How long requests do not wait for each other after a response that was not stored, and after a failure. */
const APART_MS = 1_000;
const MAX_APART = 10_000;
const BYPASS: Settled = { kind: 'bypass' };

export function createResponseCache(
  deps: { readonly clock: Pick<Clock, 'now'>; readonly timers: Timers },
  limits: CacheLimits = DEFAULT_CACHE_LIMITS,
): ResponseCache {
  const nowMs = () => deps.clock.now().getTime();
  const store = createResponseStore(limits);
  const flights = new Map<string, Flight>();
  const recordings = new Set<Recording>();
  const apart = createSeparations(nowMs);
  const room = { pendingBytes: 0, maxBytes: limits.maxBytes, maxResponseBytes: limits.maxResponseBytes };

  function record(request: CacheRequest, key: string, stale: StoredResponse | undefined): Recorder {
    const { recorder, recording } = createRecorder({
      request,
      key,
      stale,
      store,
      room,
      nowMs,
      onHead: () => timeFlight(key, recorder),
      onEnd: (outcome) => {
        recordings.delete(recording);
        endFlight(key, recorder, outcome);
      },
    });
    recordings.add(recording);
    return recorder;
  }

  function fly(request: CacheRequest, key: string, stale: StoredResponse | undefined): Recorder {
    const recorder = record(request, key, stale);
    flights.set(key, { recorder, waiters: [], hasHead: false, isTimed: false });
    return recorder;
  }

  function endFlight(key: string, recorder: Recorder, outcome: Outcome): void {
    if (outcome === 'stored') apart.end(key);
    else if (outcome !== 'given-up') apart.begin(key, outcome);
    const flight = flights.get(key);
    if (flight?.recorder !== recorder) return;
    flights.delete(key);
    for (const waiter of flight.waiters) release(waiter);
  }

  /** The head is there: from now on the others' patience is limited. */
  function timeFlight(key: string, recorder: Recorder): void {
    const flight = flights.get(key);
    if (flight?.recorder !== recorder) return;
    flight.hasHead = true;
    startTimer(flight);
  }

  function startTimer(flight: Flight): void {
    if (flight.isTimed || !flight.hasHead || flight.waiters.length === 0) return;
    flight.isTimed = true;
    deps.timers.after(MAX_BODY_WAIT_MS, () => {
      flight.isTimed = false;
      const { waiters } = flight;
      flight.waiters = [];
      for (const waiter of waiters) waiter.resolve(alone(waiter.request));
    });
  }

  function alone(request: CacheRequest): Settled {
    if (request.exchange.answer.state === 'gone') return BYPASS;
    return { kind: 'miss', recorder: record(request, keyOf(request), undefined) };
  }

  /** Looks again: the first of them fetches if there is nothing, and the others wait for that. */
  function release(waiter: Waiter): void {
    if (waiter.request.exchange.answer.state === 'gone') {
      waiter.resolve(BYPASS);
      return;
    }
    const found = decide(waiter.request);
    if ('recorder' in found && 'waiters' in found) join(found, waiter);
    else waiter.resolve(found);
  }

  function join(flight: Flight, waiter: Waiter): void {
    flight.waiters.push(waiter);
    startTimer(flight);
  }

  function keyOf({ primary, strict, exchange }: CacheRequest): string {
    const vary = strict ? undefined : store.varyOf(primary);
    return vary === undefined ? primary : variantKey(primary, vary, exchange.outgoing.fields);
  }

  function decide(request: CacheRequest): Settled | Flight {
    const key = keyOf(request);
    const now = nowMs();
    const stored = store.find(key, now);
    if (stored !== undefined && now < stored.freshUntilMs) return hit(request, stored, now, undefined);
    if (request.ifNoneMatch !== undefined) return BYPASS;
    const why = apart.why(key, now);
    if (stored !== undefined && now < stored.refreshUntilMs) {
      const isOthersTask = why !== undefined || flights.has(key);
      return hit(request, stored, now, isOthersTask ? undefined : fly(request, key, stored));
    }
    if (why === undefined) return flights.get(key) ?? { kind: 'miss', recorder: fly(request, key, stored) };
    if (why === 'failed' && stored !== undefined && now < stored.ifErrorUntilMs)
      return hit(request, stored, now, undefined);
    return { kind: 'miss', recorder: record(request, key, stored) };
  }

  return {
    lookup: (request) => {
      const found = decide(request);
      if (!('waiters' in found)) return found;
      return { kind: 'wait', settled: new Promise((resolve) => join(found, { request, resolve })) };
    },
    purge: (what) => {
      for (const recording of recordings) recording.doom(what);
      return store.purge(what);
    },
    get entries() {
      return store.entries;
    },
    get bytes() {
      return store.bytes;
    },
  };
}

function hit(
  { ifNoneMatch, strict }: CacheRequest,
  stored: StoredResponse,
  now: number,
  refresh: Recorder | undefined,
): Settled {
  return { kind: 'hit', answer: reuse(stored, { nowMs: now, ifNoneMatch, strict }), refresh };
}

/** Keys whose requests do not wait for each other for a while; those set apart first are forgotten first. */
function createSeparations(nowMs: () => number) {
  const separations = new Map<string, Separation>();
  return {
    begin: (key: string, why: Separation['why']): void => {
      separations.delete(key);
      separations.set(key, { untilMs: nowMs() + APART_MS, why });
      if (separations.size <= MAX_APART) return;
      const oldest = separations.keys().next();
      if (!oldest.done) separations.delete(oldest.value);
    },
    end: (key: string): boolean => separations.delete(key),
    why: (key: string, now: number): Separation['why'] | undefined => {
      const separation = separations.get(key);
      return separation !== undefined && now < separation.untilMs ? separation.why : undefined;
    },
  };
}
