import type { DatabaseSync } from 'node:sqlite';
import { redactText } from '@flotilla/kernel';
import type { SpanRecord } from '../otlp/records.ts';
import { storableNs } from '../otlp/values.ts';
import { ERROR, SLOW } from './pins.ts';

/** Gathers what a batch says about each trace, and writes it as one row each. */
export interface TraceBook {
  add(span: SpanRecord): void;
  pin(traceId: Uint8Array, why: number, atNs: bigint): void;
  write(): void;
}

interface Entry {
  readonly traceId: Uint8Array;
  /** Of the root; until it comes, of whoever told of the trace first. */
  owner: string;
  hasRoot: boolean;
  rootName: string | null;
  rootNs: bigint | null;
  startNs: bigint;
  endNs: bigint;
  spans: number;
  errors: number;
  pinned: number;
}

export function createTraceBook(db: DatabaseSync, slowMs: number): TraceBook {
  const slowNs = BigInt(Math.round(slowMs)) * 1_000_000n;
  const entries = new Map<string, Entry>();
  const upsert = db.prepare(
    `INSERT INTO trace VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       owner = CASE WHEN excluded.root_name IS NULL THEN owner ELSE excluded.owner END,
       root_name = coalesce(excluded.root_name, root_name), root_ns = coalesce(excluded.root_ns, root_ns),
       start_ns = CASE WHEN spans = 0 THEN excluded.start_ns WHEN excluded.spans = 0 THEN start_ns
         ELSE min(start_ns, excluded.start_ns) END,
       end_ns = max(end_ns, excluded.end_ns), spans = spans + excluded.spans, errors = errors + excluded.errors,
       pinned = pinned | excluded.pinned`,
  );

  function entryOf(traceId: Uint8Array, owner: string, atNs: bigint): Entry {
    const key = Buffer.from(traceId.buffer, traceId.byteOffset, traceId.byteLength).toString('latin1');
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry = {
      ...{ traceId, owner, hasRoot: false, rootName: null, rootNs: null, startNs: atNs, endNs: atNs },
      ...{ spans: 0, errors: 0, pinned: 0 },
    };
    entries.set(key, entry);
    return entry;
  }

  return {
    add: (span) => {
      const { startNs, endNs, resource } = span;
      const entry = entryOf(span.traceId, resource.service, startNs);
      entry.spans += 1;
      if (startNs < entry.startNs) entry.startNs = startNs;
      if (endNs > entry.endNs) entry.endNs = endNs;
      if (span.status === 2) {
        entry.errors += 1;
        entry.pinned |= ERROR;
      }
      if (span.parentId !== null || entry.hasRoot) return;
      entry.hasRoot = true;
      entry.owner = resource.service;
      entry.rootName = redactText(span.name);
      entry.rootNs = endNs > startNs ? endNs - startNs : 0n;
      if (entry.rootNs > slowNs) entry.pinned |= SLOW;
    },
    pin: (traceId, why, atNs) => {
      entryOf(traceId, '', atNs).pinned |= why;
    },
    write: () => {
      for (const one of entries.values()) {
        const rootNs = one.rootNs === null ? null : storableNs(one.rootNs);
        const [startNs, endNs] = [storableNs(one.startNs), storableNs(one.endNs)];
        const { traceId, owner, rootName, spans, errors, pinned } = one;
        upsert.run(traceId, owner, rootName, startNs, endNs, rootNs, spans, errors, pinned);
      }
      entries.clear();
    },
  };
}
