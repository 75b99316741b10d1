import type { IncomingMessage } from 'node:http';
import { accept, type Result, reject } from '@flotilla/kernel';
import { mayForward, SINGLE } from './http/field-names.ts';
import { EXPECTATION_FAILED, METHOD_NOT_ALLOWED, malformed, type Refusal } from './refusal.ts';

/** The one reading of a request's method and fields. */
export interface RequestHead {
  readonly method: string;
  /** Validated `host[:port]`. */
  readonly host: string;
  /** All fields by lower-case name; several lines joined with `, `. */
  readonly fields: ReadonlyMap<string, string>;
  /** What may go to a back end: name, value, name, value, … as received. */
  readonly forwardable: readonly string[];
  readonly body: BodyFraming;
}

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const MAX_FIELDS = 100;
const MAX_RANGES = 5;
const VALUE = /^[\t\x20-\x7e]*$/;
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;
const FRAMING_FIELDS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host']);

/** Reads what Node's strict parser let through, and refuses what could be read in two ways. */
export function readRequestHead(request: IncomingMessage): Result<RequestHead, Refusal> {
  const { method = '', rawHeaders, httpVersion } = request;
  const unacceptable = checkRequestLine(method, httpVersion, rawHeaders.length / 2);
  if (unacceptable !== undefined) return reject(unacceptable);
  const collected = collectFields(rawHeaders);
  if (!collected.ok) return collected;
  const fields = collected.value;
  const unusable = checkFields(fields);
  if (unusable !== undefined) return reject(unusable);
  const body = readFraming(fields, httpVersion);
  if (!body.ok) return body;
  const host = fields.get('host') ?? '';
  return accept({ method, host, fields, forwardable: forwardable(rawHeaders, fields), body: body.value });
}

function checkRequestLine(method: string, version: string, fieldCount: number): Refusal | undefined {
  if (!METHODS.has(method)) return METHOD_NOT_ALLOWED;
  if (version !== '1.1' && version !== '1.0') return { ...malformed('unknown version'), status: 505 };
  return fieldCount > MAX_FIELDS ? { ...malformed('too many fields'), status: 431 } : undefined;
}

function collectFields(raw: readonly string[]): Result<ReadonlyMap<string, string>, Refusal> {
  const fields = new Map<string, string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (!VALUE.test(value)) return reject(malformed('a field value has characters that are not allowed'));
    const known = fields.get(name);
    if (known !== undefined && SINGLE.has(name))
      return reject(malformed('a field that must be single is repeated'));
    fields.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return accept(fields);
}

function checkFields(fields: ReadonlyMap<string, string>): Refusal | undefined {
  if (!isHost(fields.get('host') ?? '')) return malformed('Host is missing or not a host');
  if (connectionNames(fields).some((name) => FRAMING_FIELDS.has(name)))
    return malformed('Connection names a framing field');
  if ((fields.get('expect') ?? '100-continue').toLowerCase() !== '100-continue') return EXPECTATION_FAILED;
  const ranges = fields.get('range')?.split(',').length ?? 0;
  return ranges > MAX_RANGES ? { status: 416, code: 'too-many-ranges' } : undefined;
}

function isHost(value: string): boolean {
  const match = HOST.exec(value);
  if (match === null) return false;
  const port = match[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

function connectionNames(fields: ReadonlyMap<string, string>): readonly string[] {
  const value = fields.get('connection');
  return value === undefined ? [] : value.split(',').map((name) => name.trim().toLowerCase());
}

function readFraming(fields: ReadonlyMap<string, string>, version: string): Result<BodyFraming, Refusal> {
  const length = fields.get('content-length');
  const coding = fields.get('transfer-encoding');
  if (coding !== undefined) {
    const isPlain = length === undefined && version === '1.1' && coding.trim().toLowerCase() === 'chunked';
    return isPlain
      ? accept({ kind: 'chunked' })
      : reject(malformed('Transfer-Encoding is not plain chunked'));
  }
  if (length === undefined) return accept({ kind: 'none' });
  const bytes = Number(length);
  if (!/^\d+$/.test(length) || !Number.isSafeInteger(bytes))
    return reject(malformed('Content-Length is not a length'));
  return accept({ kind: 'length', bytes });
}

function forwardable(raw: readonly string[], fields: ReadonlyMap<string, string>): readonly string[] {
  const named = connectionNames(fields);
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const lower = name.toLowerCase();
    if (mayForward(lower) && !named.includes(lower)) kept.push(name, raw[index + 1] ?? '');
  }
  return kept;
}
