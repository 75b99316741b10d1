import { isRecord } from '@flotilla/kernel';
import { newAttributes } from './protobuf-attributes.ts';
import { type Attributes, type AttributeValue, type Resource, toResource } from './records.ts';
import { plainDouble, plainInteger } from './values.ts';

/** An object of a JSON document, whatever is in it. */
export type Fields = Readonly<Record<string, unknown>>;

/** What one record makes unusable; the others are kept. */
export class BadRecord extends Error {}

export function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** By the name of the standard, or as senders in other languages spell it: `startTimeUnixNano`, `start_time_unix_nano`. */
export function pick(fields: Fields, name: string): unknown {
  const found = fields[name];
  if (found !== undefined) return found ?? undefined;
  return fields[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] ?? undefined;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.toWellFormed() : typeof value === 'number' ? String(value) : '';
}

/** A whole number, as JSON or as text. */
export function nanosOf(value: unknown, what: string): bigint {
  if (value === undefined || value === '') return 0n;
  if (typeof value === 'number' && Number.isFinite(value)) return BigInt(Math.trunc(value));
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return BigInt(value);
  throw new BadRecord(`${what} is no whole number`);
}

export function numberOf(value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' ? number : 0;
}

/** A number of an enumeration, or its full name: `SPAN_KIND_SERVER`. */
export function enumOf(value: unknown, names: readonly string[]): number {
  if (typeof value !== 'string') return numberOf(value);
  const index = names.indexOf(value);
  return index === -1 ? numberOf(value) : index;
}

const HEX = /^[0-9a-f]*$/i;
const BASE64 = /^[0-9a-z+/_-]+={0,2}$/i;

/** Ids are hexadecimal in JSON, in either case. Empty bytes when there is none. */
export function idOf(value: unknown, what: string, length: number): Buffer {
  if (value === undefined || value === '') return Buffer.alloc(0);
  if (typeof value !== 'string') throw new BadRecord(`${what} is no text`);
  if (HEX.test(value) && value.length % 2 === 0) return Buffer.from(value, 'hex');
  if (BASE64.test(value) && Buffer.from(value, 'base64').length === length)
    throw new BadRecord(`${what} is base64; hexadecimal is expected in JSON`);
  throw new BadRecord(`${what} is not hexadecimal`);
}

const DEEPEST = 16;

export function attributesOf(value: unknown, depth: number = 0): Attributes {
  const attributes = newAttributes();
  for (const entry of listOf(value)) {
    const fields = fieldsOf(entry);
    attributes[textOf(fields['key'])] = anyValueOf(fields['value'], depth);
  }
  return attributes;
}

/** An `AnyValue`; of several members the first counts. */
export function anyValueOf(value: unknown, depth: number = 0): AttributeValue {
  const fields = fieldsOf(value);
  const given = (name: string) => pick(fields, name);
  if (given('stringValue') !== undefined) return textOf(given('stringValue'));
  if (given('boolValue') !== undefined) return given('boolValue') === true || given('boolValue') === 'true';
  if (given('intValue') !== undefined) return integerOf(given('intValue'));
  if (given('doubleValue') !== undefined) return doubleOf(given('doubleValue'));
  if (depth < DEEPEST && given('arrayValue') !== undefined)
    return listOf(fieldsOf(given('arrayValue'))['values']).map((one) => anyValueOf(one, depth + 1));
  if (depth < DEEPEST && given('kvlistValue') !== undefined)
    return attributesOf(fieldsOf(given('kvlistValue'))['values'], depth + 1);
  return given('bytesValue') === undefined ? null : textOf(given('bytesValue'));
}

function integerOf(value: unknown): number | string {
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return plainInteger(BigInt(value));
  const number = numberOf(value);
  return Number.isInteger(number) ? plainInteger(BigInt(number)) : plainDouble(number);
}

function doubleOf(value: unknown): number | string {
  return plainDouble(typeof value === 'string' ? Number(value) : numberOf(value));
}

export function resourceOf(value: unknown): Resource {
  return toResource(attributesOf(fieldsOf(value)['attributes']));
}

/** Calls `onRecord` with each record of a request, however its blocks are called. */
export function forEachJsonRecord(
  request: unknown,
  names: readonly [blocks: string, scopes: string, records: string],
  onRecord: (record: Fields, resource: Resource, scope: string) => void,
): void {
  const [blocks, scopes, records] = names;
  for (const block of listOf(pick(fieldsOf(request), blocks))) {
    const outer = fieldsOf(block);
    const resource = resourceOf(outer['resource']);
    for (const inner of listOf(pick(outer, scopes))) {
      const fields = fieldsOf(inner);
      const scope = textOf(fieldsOf(fields['scope'])['name']);
      for (const record of listOf(pick(fields, records))) onRecord(fieldsOf(record), resource, scope);
    }
  }
}
