import { BoundedMap, type Clock } from '@flotilla/kernel';
import type { Timers } from '../../time/timers.ts';
import type { CacheRequest } from './cache-request.ts';
import { type CachedResponse, reuse } from './cached-response.ts';
import { createRecorder, type Outcome, type Recorder, type Recording } from './recorder.ts';
import {
  type CacheLimits,
  createResponseStore,
  type Purge,
  type ResponseStore,
  type StoredResponse,
} from './store.ts';
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
  return new ProcessCache(deps, limits);
}

/** Entries, fetches under way, and those who wait for them. */
class ProcessCache implements ResponseCache {
  readonly #timers: Timers;
  readonly #nowMs: () => number;
  readonly #store: ResponseStore;
  readonly #flights = new Map<string, Flight>();
  readonly #recordings = new Set<Recording>();
  readonly #apart: Separations;
  readonly #budget: { pendingBytes: number; readonly maxBytes: number; readonly maxResponseBytes: number };

  constructor({ clock, timers }: { clock: Pick<Clock, 'now'>; timers: Timers }, limits: CacheLimits) {
    this.#timers = timers;
    this.#nowMs = () => clock.now().getTime();
    this.#store = createResponseStore(limits);
    this.#apart = createSeparations(this.#nowMs);
    const { maxBytes, maxResponseBytes } = limits;
    this.#budget = { pendingBytes: 0, maxBytes, maxResponseBytes };
  }

  lookup(request: CacheRequest): Lookup {
    const found = this.#decide(request);
    if (!('waiters' in found)) return found;
    return { kind: 'wait', settled: new Promise((resolve) => this.#join(found, { request, resolve })) };
  }

  purge(what: Purge): number {
    for (const recording of this.#recordings) recording.invalidate(what);
    return this.#store.purge(what);
  }

  get entries(): number {
    return this.#store.entries;
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  #record(request: CacheRequest, key: string, stale: StoredResponse | undefined): Recorder {
    const { recorder, recording } = createRecorder({
      request,
      key,
      stale,
      store: this.#store,
      budget: this.#budget,
      nowMs: this.#nowMs,
      onHead: () => this.#timeFlight(key, recorder),
      onEnd: (outcome) => {
        this.#recordings.delete(recording);
        this.#endFlight(key, recorder, outcome);
      },
    });
    this.#recordings.add(recording);
    return recorder;
  }

  #fly(request: CacheRequest, key: string, stale: StoredResponse | undefined): Recorder {
    const recorder = this.#record(request, key, stale);
    this.#flights.set(key, { recorder, waiters: [], hasHead: false, isTimed: false });
    return recorder;
  }

  #endFlight(key: string, recorder: Recorder, outcome: Outcome): void {
    if (outcome === 'stored') this.#apart.end(key);
    else if (outcome !== 'given-up') this.#apart.begin(key, outcome);
    const flight = this.#flights.get(key);
    if (flight?.recorder !== recorder) return;
    this.#flights.delete(key);
    for (const waiter of flight.waiters) this.#release(waiter);
  }

  /** The head is there: from now on the time for which others wait is limited. */
  #timeFlight(key: string, recorder: Recorder): void {
    const flight = this.#flights.get(key);
    if (flight?.recorder !== recorder) return;
    flight.hasHead = true;
    this.#startTimer(flight);
  }

  #startTimer(flight: Flight): void {
    if (flight.isTimed || !flight.hasHead || flight.waiters.length === 0) return;
    flight.isTimed = true;
    this.#timers.after(MAX_BODY_WAIT_MS, () => {
      flight.isTimed = false;
      const { waiters } = flight;
      flight.waiters = [];
      for (const waiter of waiters) waiter.resolve(this.#alone(waiter.request));
    });
  }

  #alone(request: CacheRequest): Settled {
    if (request.exchange.answer.state === 'gone') return BYPASS;
    return { kind: 'miss', recorder: this.#record(request, this.#keyOf(request), undefined) };
  }

  /** Looks again: the first of them fetches if there is nothing, and the others wait for that. */
  #release(waiter: Waiter): void {
    if (waiter.request.exchange.answer.state === 'gone') {
      waiter.resolve(BYPASS);
      return;
    }
    const found = this.#decide(waiter.request);
    if ('recorder' in found && 'waiters' in found) this.#join(found, waiter);
    else waiter.resolve(found);
  }

  #join(flight: Flight, waiter: Waiter): void {
    flight.waiters.push(waiter);
    this.#startTimer(flight);
  }

  #keyOf({ primary, strict, exchange }: CacheRequest): string {
    const vary = strict ? undefined : this.#store.varyOf(primary);
    return vary === undefined ? primary : variantKey(primary, vary, exchange.outgoing.fields);
  }

  #decide(request: CacheRequest): Settled | Flight {
    const key = this.#keyOf(request);
    const now = this.#nowMs();
    const stored = this.#store.find(key, now);
    if (stored !== undefined && now < stored.freshUntilMs) return hit(request, stored, now, undefined);
    if (request.ifNoneMatch !== undefined) return BYPASS;
    const why = this.#apart.why(key, now);
    if (stored !== undefined && now < stored.refreshUntilMs) {
      const isOthersTask = why !== undefined || this.#flights.has(key);
      return hit(request, stored, now, isOthersTask ? undefined : this.#fly(request, key, stored));
    }
    if (why === undefined)
      return this.#flights.get(key) ?? { kind: 'miss', recorder: this.#fly(request, key, stored) };
    if (why === 'failed' && stored !== undefined && now < stored.ifErrorUntilMs)
      return hit(request, stored, now, undefined);
    return { kind: 'miss', recorder: this.#record(request, key, stored) };
  }
}

function hit(
  { ifNoneMatch, strict }: CacheRequest,
  stored: StoredResponse,
  now: number,
  refresh: Recorder | undefined,
): Settled {
  return { kind: 'hit', answer: reuse(stored, { nowMs: now, ifNoneMatch, strict }), refresh };
}

interface Separations {
  begin(key: string, why: Separation['why']): void;
  end(key: string): void;
  why(key: string, now: number): Separation['why'] | undefined;
}

/** Keys whose requests do not wait for each other for a while; those set apart first are forgotten first. */
function createSeparations(nowMs: () => number): Separations {
  const separations = new BoundedMap<string, Separation>(MAX_APART);
  return {
    begin: (key, why) => {
      separations.set(key, { untilMs: nowMs() + APART_MS, why });
    },
    end: (key) => {
      separations.delete(key);
    },
    why: (key, now) => {
      const separation = separations.get(key);
      return separation !== undefined && now < separation.untilMs ? separation.why : undefined;
    },
  };
}
