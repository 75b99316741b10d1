import type { CacheConfig } from './config/gateway-config.ts';
import type { Target } from './http/target.ts';
import type { RequestHead } from './request-head.ts';

/** A complete answer that may be given again. */
export interface StoredAnswer {
  readonly reason: string;
  /** Name, value, name, value, … without hop-by-hop fields. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly string[];
}

/** Takes an answer in while it passes. */
export interface Recorder {
  chunk(chunk: Buffer): void;
  /** The answer was complete. */
  complete(): void;
}

export interface ResponseCache {
  /** `undefined` = this request neither reads nor writes the cache. */
  keyFor(head: RequestHead, target: Target, options: CacheConfig): CacheKey | undefined;
  find(key: CacheKey, nowMs: number): StoredAnswer | undefined;
  /** `undefined` = this answer must not be stored. */
  record(key: CacheKey, answer: AnswerHead, nowMs: number): Recorder | undefined;
}

export interface CacheKey {
  readonly primary: string;
  readonly head: RequestHead;
  readonly ttlMs: number;
}

interface Entry {
  /** Request fields that the answer depends on. */
  readonly vary: readonly string[];
  /** `undefined` for an entry that only says what the answers vary by. */
  readonly answer: StoredAnswer | undefined;
  readonly bytes: number;
}

interface CacheLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Larger answers are passed on without being stored. */
  readonly maxAnswerBytes: number;
}

const DEFAULT_LIMITS: CacheLimits = { maxEntries: 10_000, maxBytes: 64 * 2 ** 20, maxAnswerBytes: 2 ** 20 };
const ENTRY_OVERHEAD_BYTES = 512;
const BYPASS = ['authorization', 'cookie', 'range'] as const;
const NOT_STORABLE = /(?:^|[\s,])(?:no-store|private|no-cache|(?:s-maxage|max-age)\s*=\s*"?0+"?(?=[\s,]|$))/i;

/** Answers of GET and HEAD requests, the least recently used dropped first. */
export function createResponseCache(limits: CacheLimits = DEFAULT_LIMITS): ResponseCache {
  const entries = new Map<string, Entry>();
  let totalBytes = 0;

  function remove(key: string): void {
    totalBytes -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  }

  function put(key: string, entry: Entry): void {
    remove(key);
    entries.set(key, entry);
    totalBytes += entry.bytes;
    for (const oldest of entries.keys()) {
      if (entries.size <= limits.maxEntries && totalBytes <= limits.maxBytes) break;
      remove(oldest);
    }
  }

  function store({ primary, head }: CacheKey, vary: readonly string[], answer: StoredAnswer): void {
    const bytes = answer.body.length + answer.headers.join('').length + ENTRY_OVERHEAD_BYTES;
    if (vary.length > 0) put(primary, { vary, answer: undefined, bytes: ENTRY_OVERHEAD_BYTES });
    put(variantKey(primary, vary, head), { vary, answer, bytes });
  }

  return {
    keyFor: (head, target, { ttlMs, keyHeader }) => {
      const { method, host, fields, body } = head;
      const plain = (method === 'GET' || method === 'HEAD') && body.kind === 'none';
      if (!plain || BYPASS.some((name) => fields.has(name)) || isConditional(fields)) return undefined;
      const parts = [method, host.toLowerCase(), target.path, target.query, fields.get(keyHeader) ?? ''];
      return { primary: parts.join('\n'), head, ttlMs };
    },
    find: ({ primary, head }, nowMs) => {
      const first = entries.get(primary);
      const key = first === undefined ? primary : variantKey(primary, first.vary, head);
      const entry = entries.get(key);
      if (entry?.answer === undefined) return undefined;
      remove(key);
      if (entry.answer.expiresAtMs <= nowMs) return undefined;
      put(key, entry); // last in the map's order = most recently used
      return entry.answer;
    },
    record: (key, { status, reason, headers }, nowMs) => {
      const vary = status === 200 ? storableVary(headers) : undefined;
      if (vary === undefined) return undefined;
      const chunks: Buffer[] = [];
      let bytes = 0;
      return {
        chunk: (chunk) => {
          bytes += chunk.length;
          if (bytes <= limits.maxAnswerBytes) chunks.push(chunk);
          else chunks.length = 0;
        },
        complete: () => {
          if (bytes > limits.maxAnswerBytes) return;
          const expiresAtMs = nowMs + key.ttlMs;
          store(key, vary, { reason, headers, body: Buffer.concat(chunks), storedAtMs: nowMs, expiresAtMs });
        },
      };
    },
  };
}

function isConditional(fields: ReadonlyMap<string, string>): boolean {
  for (const name of fields.keys()) if (name.startsWith('if-')) return true;
  return false;
}

function variantKey(primary: string, vary: readonly string[], { fields }: RequestHead): string {
  if (vary.length === 0) return primary;
  // A missing field is a value of its own.
  const values = vary.map((name) => `${name}${fields.has(name) ? `=${fields.get(name)}` : ''}`);
  return `${primary}\n${values.join('\n')}`;
}

/** The fields the answer varies by, or `undefined` when it must not be stored. */
function storableVary(headers: readonly string[]): readonly string[] | undefined {
  const vary: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase();
    const value = headers[index + 1] ?? '';
    if (name === 'set-cookie' || (name === 'cache-control' && NOT_STORABLE.test(value))) return undefined;
    if (name === 'vary') vary.push(...value.split(',').map((field) => field.trim().toLowerCase()));
  }
  return vary.includes('*') ? undefined : vary.filter((name) => name !== '').sort();
}
