import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, copyFields, type Fields, noFields } from '../../wire/rules/fields.ts';
import type { ResponseHead } from '../../wire/rules/response.ts';
import type { StoredResponse } from './store.ts';

/** To be sent in one piece; the fields are this request's own and may be changed. */
export interface CachedResponse {
  readonly head: ResponseHead;
  readonly body: Buffer;
  /** What the recorder was told about where it came from. */
  readonly source: string;
}

const AGE = fieldName('age');
const NOTHING = Buffer.alloc(0);

/** RFC 9110 §15.4.5: what a 304 says again. */
const KEPT_BY_304: ReadonlySet<string> = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
]);

/** A condition that names the entry's tag is answered with 304. */
export function reuse(
  stored: StoredResponse,
  { nowMs, ifNoneMatch, strict }: { nowMs: number; ifNoneMatch: string | undefined; strict: boolean },
): CachedResponse {
  const { status, reason, body, bodyBytes, source } = stored;
  if (ifNoneMatch !== undefined && status === 200 && matches(ifNoneMatch, etagOf(stored))) {
    const fields = fieldsOf304(stored);
    return { head: { status: 304, reason: 'Not Modified', fields, bodyBytes: 0 }, body: NOTHING, source };
  }
  const fields = copyFields(stored);
  if (!strict) appendField(fields, AGE, String(Math.max(0, ageSeconds(stored, nowMs))));
  return { head: { status, reason, fields, bodyBytes }, body, source };
}

function ageSeconds({ ageMs, storedAtMs }: StoredResponse, nowMs: number): number {
  return Math.floor((ageMs + nowMs - storedAtMs) / 1000);
}

function fieldsOf304({ names, values }: StoredResponse): Fields {
  const fields = noFields();
  names.forEach((name, index) => {
    if (KEPT_BY_304.has(name.lower)) appendField(fields, name, values[index] ?? '');
  });
  return fields;
}

function etagOf({ names, values }: StoredResponse): string | undefined {
  const index = names.findIndex(({ lower }) => lower === 'etag');
  return index === -1 ? undefined : values[index];
}

/** Weak comparison (RFC 9110 §13.1.2). */
function matches(condition: string, etag: string | undefined): boolean {
  if (condition.trim() === '*') return true;
  if (etag === undefined) return false;
  const plain = etag.replace(/^W\//, '');
  return [...condition.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === plain);
}
