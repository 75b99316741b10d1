import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { decodeJsonLogs, decodeJsonTraces } from '../otlp/decode-json.ts';
import { decodeJsonMetrics } from '../otlp/decode-json-metrics.ts';
import { decodeLogs } from '../otlp/decode-logs.ts';
import { decodeMetrics } from '../otlp/decode-metrics.ts';
import { decodeTraces } from '../otlp/decode-traces.ts';
import type { Decoded } from '../otlp/records.ts';
import { openFile } from '../store/open-file.ts';
import { type Caps, createPruner } from '../store/prune.ts';
import { countAll } from '../store/tally.ts';
import { createWriter, type Writer } from '../store/writer.ts';
import type { Format, Outcome, Signal } from './answers.ts';

export interface IngestRequest {
  readonly signal: Signal;
  readonly format: Format;
  readonly encoding: string;
  readonly body: Uint8Array;
}

export interface EngineOptions {
  readonly file: string;
  readonly caps: Caps;
  readonly slowMs: number;
  /** Of a body, once it is unpacked. */
  readonly maxBytes: number;
}

/** Decodes and writes; the one thread that has the file open for writing. */
export interface StoreEngine {
  /** Never throws: what went wrong is the answer. What it says was kept is on disk. */
  take(request: IngestRequest): Outcome;
  /** What is done now and then: counts of calls, removal of what is too much. `true`: there is more to do at once. */
  tend(): boolean;
  /** Records that so many were turned away before they came here. */
  lost(signal: string, why: string, count: number): void;
  /** Why a file that was there before is not used any more. */
  readonly setAside: string | undefined;
  close(): void;
}

/** In one go, so that requests do not wait long behind it. */
const CHUNKS_AT_ONCE = 4;
const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE';

export function createStoreEngine(options: EngineOptions, clockMs: () => number = Date.now): StoreEngine {
  const { db, setAside } = openFile(options.file);
  const tally = countAll(db);
  const writer = createWriter(db, tally, { slowMs: options.slowMs, clockMs });
  const pruner = createPruner(db, tally, options.caps);

  function prune(chunks: number): boolean {
    for (let done = 0; done < chunks; done += 1) if (!pruner.step()) return false;
    return true;
  }

  return {
    setAside,
    take: (request) => {
      try {
        const body = unpack(request, options.maxBytes);
        const { rejected, reason, kept } = READ[`${request.signal} ${request.format}`](body, writer);
        if (rejected > 0) writer.lost(request.signal, reason, rejected);
        prune(CHUNKS_AT_ONCE);
        return { kind: 'kept', kept, rejected, reason };
      } catch (error) {
        return failureOf(error, options.maxBytes);
      }
    },
    tend: () => {
      writer.edges(clockMs());
      pruner.forget(clockMs());
      return prune(CHUNKS_AT_ONCE);
    },
    lost: writer.lost,
    close: () => {
      writer.edges(Number.POSITIVE_INFINITY);
      db.close();
    },
  };
}

interface Taken {
  readonly kept: number;
  readonly rejected: number;
  readonly reason: string;
}

function taken<T>(decoded: Decoded<T>, write: (records: readonly T[]) => void): Taken {
  const { records, rejected, reason } = decoded;
  if (records.length > 0) write(records);
  return { kept: records.length, rejected, reason };
}

const READ: Readonly<Record<`${Signal} ${Format}`, (body: Buffer, writer: Writer) => Taken>> = {
  'traces protobuf': (body, { spans }) => taken(decodeTraces(body), spans),
  'traces json': (body, { spans }) => taken(decodeJsonTraces(parse(body)), spans),
  'logs protobuf': (body, { logs }) => taken(decodeLogs(body), logs),
  'logs json': (body, { logs }) => taken(decodeJsonLogs(parse(body)), logs),
  'metrics protobuf': (body, { points }) => taken(decodeMetrics(body), points),
  'metrics json': (body, { points }) => taken(decodeJsonMetrics(parse(body)), points),
};

const BYTE_ORDER_MARK = /^\u{FEFF}/u;

function parse(body: Buffer): unknown {
  const text = body.toString('utf8').replace(BYTE_ORDER_MARK, '');
  return JSON.parse(text === '' ? '{}' : text);
}

const UNPACK: Readonly<Record<string, (body: Uint8Array, limit: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
};

export function isKnownEncoding(encoding: string): boolean {
  return encoding === 'identity' || Object.hasOwn(UNPACK, encoding);
}

/** The limit is of what comes out: a small body may hold a large one. */
function unpack({ encoding, body }: IngestRequest, maxBytes: number): Buffer {
  const unpackOne = UNPACK[encoding];
  if (unpackOne !== undefined) return unpackOne(body, { maxOutputLength: maxBytes });
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function failureOf(error: unknown, maxBytes: number): Outcome {
  const {
    code = '',
    errcode,
    message,
  } = error as Error & { readonly code?: string; readonly errcode?: number };
  if (code === TOO_LARGE) return { kind: 'too-large', message: `a body may have ${maxBytes} bytes unpacked` };
  if (errcode !== undefined) return { kind: 'failed', message: 'it could not be written; try again' };
  const isPacked = code.startsWith('Z_') || code.startsWith('ERR_ZSTD') || code.startsWith('ZSTD_');
  if (isPacked) return { kind: 'malformed', message: 'the body cannot be unpacked' };
  if (error instanceof SyntaxError) return { kind: 'malformed', message: 'the body is no JSON' };
  return { kind: 'malformed', message };
}
