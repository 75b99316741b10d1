import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createStoreEngine, type EngineOptions, type StoreEngine } from '../src/ingest/store-engine.ts';
import { DEFAULT_CAPS } from '../src/store/prune.ts';
import { openReader, type TelemetryReader } from '../src/store/reader.ts';

export interface TestStore {
  readonly file: string;
  readonly engine: StoreEngine;
  readonly reader: TelemetryReader;
  json(signal: 'traces' | 'logs' | 'metrics', request: unknown): ReturnType<StoreEngine['take']>;
  /** Of the file. */
  usedBytes(): number;
  [Symbol.dispose](): void;
}

/** A store in a folder of its own, without its thread and its server. */
export function openTestStore(
  options: Partial<Omit<EngineOptions, 'file'>> = {},
  clockMs?: () => number,
): TestStore {
  const folder = mkdtempSync(join(tmpdir(), 'telemetry-store-'));
  const file = join(folder, 'telemetry.db');
  const engine = createStoreEngine(
    { file, caps: DEFAULT_CAPS, slowMs: 1_000, maxBytes: 20_000_000, ...options },
    clockMs,
  );
  const reader = openReader(file);
  return {
    ...{ file, engine, reader },
    json: (signal, request) =>
      engine.take({
        signal,
        format: 'json',
        encoding: 'identity',
        body: Buffer.from(JSON.stringify(request)),
      }),
    usedBytes: () => {
      const db = new DatabaseSync(file, { readOnly: true });
      const read = (name: string) => Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
      const used = (read('page_count') - read('freelist_count')) * read('page_size');
      db.close();
      return used;
    },
    [Symbol.dispose]: () => {
      reader.close();
      engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface TestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly kind?: number;
  readonly startMs?: number;
  readonly durationMs?: number;
  readonly error?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A request as it is sent, for one service. */
export function tracesOf(service: string, spans: readonly TestSpan[]): object {
  return {
    resourceSpans: [
      {
        resource: {
          attributes: attributes({ 'service.name': service, 'service.instance.id': `${service}-1` }),
        },
        scopeSpans: [{ scope: { name: 'test' }, spans: spans.map(spanOf) }],
      },
    ],
  };
}

function spanOf({ startMs = 1_700_000_000_000, durationMs = 5, ...span }: TestSpan): object {
  return {
    ...{ traceId: span.traceId, spanId: span.spanId, name: span.name ?? 'work', kind: span.kind ?? 1 },
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    startTimeUnixNano: `${startMs}000000`,
    endTimeUnixNano: `${startMs + durationMs}000000`,
    attributes: attributes(span.attributes ?? {}),
    status: span.error ? { code: 2, message: 'it failed' } : {},
  };
}

export function attributes(values: Readonly<Record<string, string>>): readonly object[] {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** `hex(7, 16)`: an id of 16 bytes that ends in 7. */
export function hex(number: number, bytes: number): string {
  return number.toString(16).padStart(bytes * 2, '0');
}
