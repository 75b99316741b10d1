import type { ResponseHead } from '../../wire/rules/response.ts';
import { allowsSharing, cacheDirectives, type Lifetime, ownLifetime, seconds } from './cache-control.ts';
import type { CacheRequest } from './cache-request.ts';
import { type CachedResponse, reuse } from './cached-response.ts';
import type { CacheConfig } from './config.ts';
import { isPurged, type Labels, type Purge, type ResponseStore, type StoredResponse } from './store.ts';
import { variantKey, varyNames } from './vary.ts';

/** Takes the response of one fetch in while it passes. Others may wait for it: it must come to an end. */
export interface Recorder {
  /** `source` comes back with every hit. `false` = not stored: chunks and the end need not be told. */
  head(head: ResponseHead, source: string): boolean;
  /** The bytes are copied. */
  chunk(chunk: Buffer): void;
  complete(): void;
  /**
   * There will be no (complete) answer. After `client-gone` one of those waiting fetches in its place; after
   * `failed` all of them do. Nothing happens after an end.
   */
  abandon(why: 'failed' | 'client-gone'): void;
  /** A stale response that may be given in place of a failure: no response, or status 500, 502, 503 or 504. */
  instead(): CachedResponse | undefined;
}

/** `given-up`: it says nothing about the next response. */
export type Outcome = 'stored' | 'not-storable' | 'failed' | 'given-up';

export interface Recording {
  /** What is purged while it is fetched may be older than the purge. */
  invalidate(what: Purge): void;
}

interface RecorderDeps {
  readonly request: CacheRequest;
  readonly key: string;
  readonly stale: StoredResponse | undefined;
  readonly store: ResponseStore;
  readonly budget: { pendingBytes: number; readonly maxBytes: number; readonly maxResponseBytes: number };
  readonly nowMs: () => number;
  readonly onHead: () => void;
  readonly onEnd: (outcome: Outcome) => void;
}

/** What is known of a response that will be stored. */
interface Draft {
  readonly head: ResponseHead;
  readonly source: string;
  readonly vary: readonly string[];
  readonly lifetime: Lifetime;
}

export function createRecorder(deps: RecorderDeps): { recorder: Recorder; recording: Recording } {
  const { request, stale, store, budget, nowMs, onHead, onEnd } = deps;
  const { config, strict, exchange } = request;
  let labels: Labels | undefined;
  let draft: Draft | undefined;
  let chunks: Buffer[] = [];
  let bytes = 0;
  let isInvalid = false;
  let hasEnded = false;

  const labelsOf = (): Labels => {
    labels ??= request.labels();
    return labels;
  };

  function end(outcome: Outcome): void {
    if (hasEnded) return;
    hasEnded = true;
    budget.pendingBytes -= bytes;
    chunks = [];
    onEnd(outcome);
  }

  function keep({ head, source, vary, lifetime }: Draft): void {
    const now = nowMs();
    const freshUntilMs = now + lifetime.freshMs;
    const kept = head.fields.names.map((name) => strict || !isOfOneRequest(name.lower));
    const answer: StoredResponse = {
      status: head.status,
      reason: head.reason,
      names: head.fields.names.filter((_, index) => kept[index]),
      values: head.fields.values.filter((_, index) => kept[index]),
      body: Buffer.concat(chunks, bytes),
      bodyBytes: exchange.request.method === 'HEAD' ? head.bodyBytes : bytes,
      source,
      storedAtMs: now,
      ageMs: ageMs(head),
      freshUntilMs,
      refreshUntilMs: freshUntilMs + lifetime.staleWhileRevalidateMs,
      ifErrorUntilMs: freshUntilMs + lifetime.staleIfErrorMs,
    };
    const { primary } = request;
    if (vary.length > 0 || store.varyOf(primary) !== undefined) store.putVary(primary, vary, labelsOf());
    store.put(variantKey(primary, vary, exchange.outgoing.fields), answer, labelsOf());
  }

  /** Says something of the request that was made, not of the response. */
  function isOfOneRequest(name: string): boolean {
    return name === 'age' || name === 'x-request-id' || name === exchange.requestId?.name.lower;
  }

  const recorder: Recorder = {
    head: (head, source) => {
      if (hasEnded) return false;
      draft = draftOf(head, source, { config, strict, nowMs: nowMs(), maxBytes: budget.maxResponseBytes });
      if (draft === undefined) end(head.status >= 500 ? 'failed' : 'not-storable');
      else onHead();
      return draft !== undefined;
    },
    chunk: (chunk) => {
      if (hasEnded) return;
      bytes += chunk.length;
      budget.pendingBytes += chunk.length;
      if (bytes > budget.maxResponseBytes || budget.pendingBytes > budget.maxBytes) end('not-storable');
      else chunks.push(Buffer.from(chunk));
    },
    complete: () => {
      if (hasEnded) return;
      if (draft === undefined || isShort(draft.head, bytes, exchange.request.method)) return end('failed');
      if (isInvalid) return end('given-up');
      keep(draft);
      end('stored');
    },
    abandon: (why) => end(why === 'failed' ? 'failed' : 'given-up'),
    instead: () => {
      const now = nowMs();
      if (stale === undefined || now >= stale.ifErrorUntilMs) return undefined;
      return reuse(stale, { nowMs: now, ifNoneMatch: undefined, strict });
    },
  };
  return {
    recorder,
    recording: {
      invalidate: (what) => {
        if (isPurged(labelsOf(), what)) isInvalid = true;
      },
    },
  };
}

function isShort({ bodyBytes }: ResponseHead, bytes: number, method: string): boolean {
  return method !== 'HEAD' && bodyBytes !== undefined && bodyBytes !== bytes;
}

function ageMs({ fields }: ResponseHead): number {
  const index = fields.names.findIndex(({ lower }) => lower === 'age');
  return index === -1 ? 0 : seconds(fields.values[index] ?? '') * 1000;
}

interface DraftRules {
  readonly config: CacheConfig;
  readonly strict: boolean;
  readonly nowMs: number;
  readonly maxBytes: number;
}

/** `undefined` = must not be stored. Strictly everything is, for the time of the configuration. */
function draftOf(head: ResponseHead, source: string, rules: DraftRules): Draft | undefined {
  const { config, strict, nowMs, maxBytes } = rules;
  const { ttlMs, freshness, staleWhileRevalidateMs, staleIfErrorMs } = config;
  if ((head.bodyBytes ?? 0) > maxBytes) return undefined;
  const configured = { freshMs: ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
  if (strict) return { head, source, vary: [], lifetime: configured };
  const vary = varyNames(head.fields);
  const directives = cacheDirectives(head.fields);
  const hasCookie = head.fields.names.some(({ lower }) => lower === 'set-cookie');
  if (head.status !== 200 || hasCookie || vary === '*' || !allowsSharing(directives)) return undefined;
  if (freshness === 'ttl') return { head, source, vary, lifetime: configured };
  const own = ownLifetime(head.fields, directives, nowMs);
  const lifetime = {
    freshMs: own.freshMs ?? ttlMs,
    staleWhileRevalidateMs: own.staleWhileRevalidateMs ?? staleWhileRevalidateMs,
    staleIfErrorMs: own.staleIfErrorMs ?? staleIfErrorMs,
  };
  return lifetime.freshMs > 0 ? { head, source, vary, lifetime } : undefined;
}
