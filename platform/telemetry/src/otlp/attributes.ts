import { isSecretName, REDACTED, redactText } from '@flotilla/kernel';
import type { ProtoWriter } from './proto-writer.ts';

/** Longer texts are cut: one attribute must not fill a batch. */
export const MAX_TEXT = 16_384;
const MAX_DEPTH = 6;
const SHORTEST_SUSPECT = 14;

/** `KeyValue` for each attribute that has a value. */
export function writeAttributes(
  writer: ProtoWriter,
  field: number,
  attributes: Readonly<Record<string, unknown>>,
): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined || value === null) continue;
    const pair = writer.begin(field);
    writer.text(1, key);
    const held = writer.begin(2);
    if (isSecretName(key)) writer.text(1, REDACTED);
    else writeValue(writer, value, 0);
    writer.end(held);
    writer.end(pair);
  }
}

/** The fields of an `AnyValue`. */
export function writeValue(writer: ProtoWriter, value: unknown, depth: number): void {
  if (typeof value === 'string') writer.text(1, cut(value));
  else if (typeof value === 'boolean') writer.bool(2, value);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH)
    writeObject(writer, value, depth + 1);
  else writer.text(1, String(value));
}

// Not a number at all where it is not finite: some back ends cannot show a page with one.
function writeNumber(writer: ProtoWriter, value: number): void {
  if (Number.isSafeInteger(value)) writer.int(3, value);
  else if (Number.isFinite(value)) writer.double(4, value);
  else writer.text(1, String(value));
}

function writeObject(writer: ProtoWriter, value: object, depth: number): void {
  if (value instanceof Date) writer.text(1, value.toISOString());
  else if (Array.isArray(value))
    writer.message(5, () => {
      for (const item of value) writer.message(1, () => writeValue(writer, item, depth));
    });
  else writer.message(6, () => writeAttributes(writer, 1, value as Readonly<Record<string, unknown>>));
}

export function cut(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  // Names of methods, routes and states are shorter than a secret with its name.
  return (short.length < SHORTEST_SUSPECT ? short : redactText(short)).toWellFormed();
}

/** The same as JSON. */
export function jsonAttributes(attributes: Readonly<Record<string, unknown>>): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined || value === null
      ? []
      : [{ key, value: isSecretName(key) ? { stringValue: REDACTED } : jsonValue(value, 0) }],
  );
}

export function jsonValue(value: unknown, depth: number): object {
  if (typeof value === 'string') return { stringValue: cut(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return { intValue: String(value) };
    return Number.isFinite(value) ? { doubleValue: value } : { stringValue: String(value) };
  }
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH)
    return { stringValue: String(value) };
  if (value instanceof Date) return { stringValue: value.toISOString() };
  if (Array.isArray(value))
    return { arrayValue: { values: value.map((item) => jsonValue(item, depth + 1)) } };
  const values = Object.entries(value).flatMap(([key, held]: [string, unknown]) =>
    held === undefined || held === null ? [] : [{ key, value: jsonValue(held, depth + 1) }],
  );
  return { kvlistValue: { values } };
}

/** Milliseconds since the epoch as text of nanoseconds. */
export function nanosecondsText(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
