import type { Attributes, SpanKind, SpanRecord } from '../otlp/records.ts';
import { addDuration, type DurationCounts, emptyDurations } from './durations.ts';

/** `call`: one service asks another. `database`, `publish`, `deliver`: between a service and what it uses. */
export type EdgeKind = 'call' | 'database' | 'publish' | 'deliver';

/** `both`: the caller and the called have told of it. `source`, `target`: one of them alone has. */
export type EdgeHalves = 'both' | 'source' | 'target';

export interface EdgeCount {
  readonly stepSeconds: number;
  readonly source: string;
  readonly target: string;
  readonly kind: EdgeKind;
  readonly halves: EdgeHalves;
  count: number;
  errors: number;
  readonly durations: DurationCounts;
}

/** Whoever calls from outside of the system. */
export const OUTSIDE = 'outside';
export const STEP_SECONDS = 10;

/** Counts who calls whom, from spans in whatever order they come. */
export interface EdgeCounter {
  add(span: SpanRecord): void;
  /** What was counted since the last time; halves that have waited too long are counted as such. */
  take(nowMs: number): readonly EdgeCount[];
}

interface Half {
  readonly service: string;
  readonly peer: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly isError: boolean;
  readonly sinceMs: number;
}

/** It stays after its other half has come: what it sends again, in the same span, has another one. */
interface Caller extends Half {
  isPaired: boolean;
}

/** The other half of a call comes from another process, seconds later: exporters send in batches. */
const WAIT_MS = 15_000;
/** More halves than that are not waited for. */
const MOST_HALVES = 50_000;

export function createEdgeCounter(clockMs: () => number): EdgeCounter {
  let counts = new Map<string, EdgeCount>();
  const callers = new Map<string, Caller>(); // by the id of the client's span
  const called = new Map<string, Half[]>(); // by the id of the parent

  function count(source: string, target: string, kind: EdgeKind, halves: EdgeHalves, half: Half): void {
    const stepSeconds = Number(half.startNs / 1_000_000_000n / BigInt(STEP_SECONDS)) * STEP_SECONDS;
    const key = `${stepSeconds}\n${source}\n${target}\n${kind}\n${halves}`;
    let edge = counts.get(key);
    if (edge === undefined) {
      edge = { stepSeconds, source, target, kind, halves, count: 0, errors: 0, durations: emptyDurations() };
      counts.set(key, edge);
    }
    edge.count += 1;
    if (half.isError) edge.errors += 1;
    addDuration(edge.durations, half.durationNs);
  }

  function addCaller(key: string, half: Half): void {
    const waiting = called.get(key) ?? [];
    called.delete(key);
    callers.set(key, { ...half, isPaired: waiting.length > 0 });
    for (const server of waiting) count(half.service, server.service, 'call', 'both', half);
  }

  function addCalled(key: string | undefined, half: Half): void {
    const caller = key === undefined ? undefined : callers.get(key);
    if (key === undefined) count(OUTSIDE, half.service, 'call', 'target', half);
    else if (caller === undefined) called.set(key, [...(called.get(key) ?? []), half]);
    else {
      caller.isPaired = true;
      count(caller.service, half.service, 'call', 'both', caller);
    }
  }

  function expire(nowMs: number): void {
    for (const [key, caller] of callers) {
      if (nowMs - caller.sinceMs < WAIT_MS && callers.size <= MOST_HALVES) break;
      callers.delete(key);
      if (!caller.isPaired) count(caller.service, caller.peer, 'call', 'source', caller);
    }
    for (const [key, halves] of called) {
      const [first] = halves;
      if (first && nowMs - first.sinceMs < WAIT_MS && called.size <= MOST_HALVES) break;
      called.delete(key);
      // Its caller is no client of ours: a browser, or somebody whose telemetry goes elsewhere.
      for (const half of halves) count(OUTSIDE, half.service, 'call', 'target', half);
    }
  }

  return {
    add: (span) => {
      const use = useOf(span.kind, span.attributes);
      if (use === undefined) return;
      const half = halfOf(span, use.peer, clockMs());
      if (use.kind === 'deliver') count(use.peer, half.service, 'deliver', 'both', half);
      else if (use.kind !== 'call') count(half.service, use.peer, use.kind, 'both', half);
      else if (span.kind === 3) addCaller(keyOf(span.traceId, span.spanId), half);
      else addCalled(span.parentId === null ? undefined : keyOf(span.traceId, span.parentId), half);
    },
    take: (nowMs) => {
      expire(nowMs);
      const taken = [...counts.values()];
      counts = new Map();
      return taken;
    },
  };
}

function halfOf(span: SpanRecord, peer: string, sinceMs: number): Half {
  const { resource, startNs, endNs, status } = span;
  const durationNs = Math.max(0, Number(endNs - startNs));
  return { service: resource.service, peer, startNs, durationNs, isError: status === 2, sinceMs };
}

function keyOf(traceId: Uint8Array, spanId: Uint8Array): string {
  return `${latin1(traceId)}${latin1(spanId)}`;
}

function latin1(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

/** What a span says about who talks to whom, by the semantic conventions; `undefined`: nothing. */
export function useOf(
  kind: SpanKind,
  attributes: Attributes,
): { readonly kind: EdgeKind; readonly peer: string } | undefined {
  const text = (...names: readonly string[]): string => {
    for (const name of names) {
      const value = attributes[name];
      if (typeof value === 'string' && value !== '') return value;
    }
    return '';
  };
  const database = text('db.system.name', 'db.system');
  const isBus = text('messaging.system') !== '';
  const bus = text('messaging.system') || 'bus';
  switch (kind) {
    case 3:
      if (database !== '') return { kind: 'database', peer: text('db.namespace', 'db.name') || database };
      if (isBus) return { kind: 'publish', peer: bus };
      return { kind: 'call', peer: text('peer.service', 'service.peer.name', 'server.address') || 'unknown' };
    case 4:
      return { kind: 'publish', peer: bus };
    case 5:
      return { kind: 'deliver', peer: bus };
    case 2:
      return { kind: 'call', peer: '' };
    default:
      return undefined;
  }
}
