import assert from 'node:assert/strict';
import { createManualClock, type ManualClock } from '@flotilla/kernel/testing';
import { type CachePolicy, type CachePolicyDeps, compileCache } from '../src/policies/cache/compile-cache.ts';
import type { CacheConfig } from '../src/policies/cache/config.ts';
import type { Recorder } from '../src/policies/cache/recorder.ts';
import {
  createResponseCache,
  type Lookup,
  type ResponseCache,
  type Settled,
} from '../src/policies/cache/response-cache.ts';
import type { CacheLimits } from '../src/policies/cache/store.ts';
import type { Timers } from '../src/time/timers.ts';
import type { ResponseHead } from '../src/wire/rules/response.ts';
import { fieldsOf, type TestRequest, testExchange } from './exchange.ts';

export const CONFIG: CacheConfig = {
  ttlMs: 10_000,
  region: 'shop',
  keyHeader: 'OC-Cache-Control',
  hashesBody: false,
  freshness: 'ttl',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  tags: ['product:{id}', 'products'],
};

export type Pairs = readonly (readonly [string, string])[];

export interface CacheBed {
  readonly clock: ManualClock;
  /** What waits for a time to pass. */
  readonly due: readonly (() => void)[];
  readonly cache: ResponseCache;
  readonly policy: CachePolicy;
  lookup(request?: TestRequest, body?: Buffer): Lookup;
}

export function setUp(
  changes: Partial<CacheConfig> = {},
  deps: Partial<CachePolicyDeps> & { limits?: CacheLimits } = {},
): CacheBed {
  const clock = createManualClock();
  const due: (() => void)[] = [];
  const timers: Timers = {
    after: (_, fire) => {
      due.push(fire);
      return { cancel: () => undefined };
    },
    nowMs: 0,
    close: () => undefined,
  };
  const cache = createResponseCache({ clock, timers }, deps.limits);
  const policy = compileCache(
    { ...CONFIG, ...changes },
    { cache, routeId: 'r', strict: false, keyFields: [], ...deps },
  );
  assert.ok(policy);
  const lookup = (request: TestRequest = {}, body?: Buffer) =>
    policy.lookup(testExchange({ path: '/a', ...request }), body);
  return { clock, due, cache, policy, lookup };
}

export function headOf(
  fields: Pairs = [],
  status = 200,
  bodyBytes: number | undefined = undefined,
): ResponseHead {
  return { status, reason: 'OK', fields: fieldsOf(fields), bodyBytes };
}

export function recorderOf(found: Lookup | Settled): Recorder {
  assert.equal(found.kind, 'miss');
  return (found as Extract<Settled, { kind: 'miss' }>).recorder;
}

/** The whole answer of a back end; gives whether it is recorded. */
export function answer(recorder: Recorder, body = 'body', fields: Pairs = [], status = 200): boolean {
  const isRecorded = recorder.head(headOf(fields, status), 'back end');
  recorder.chunk(Buffer.from(body));
  recorder.complete();
  return isRecorded;
}

export function show(found: Lookup | Settled): string {
  if (found.kind !== 'hit') return found.kind;
  return `${found.answer.head.status} ${found.answer.body.toString()}${found.refresh === undefined ? '' : ' refresh'}`;
}

export interface Case {
  readonly status?: number;
  readonly first?: TestRequest;
  readonly changes?: Partial<CacheConfig>;
  readonly strict?: boolean;
}

/** What a second, equal request gets after one whose answer was this. */
export function afterwards(
  fields: Pairs,
  { status = 200, first = {}, changes = {}, strict = false }: Case = {},
): string {
  const { lookup } = setUp(changes, { strict });
  const found = lookup(first);
  if (found.kind === 'miss') answer(found.recorder, 'body', fields, status);
  return show(lookup(first));
}
