import {
  COLON,
  CR,
  GRAPHIC,
  isRequestValue,
  LF,
  SPACE,
  TAB,
  TOKEN,
  VALUE,
  VALUE_OR_HIGH,
} from '../../rules/characters.ts';
import { fieldName } from '../../rules/field-names.ts';
import { type Fields, noFields } from '../../rules/fields.ts';
import { CLIENT } from '../../rules/limits.ts';
import { METHOD_NOT_ALLOWED, malformed, type Refusal } from '../../rules/refusal.ts';
import { METHODS, type Method } from '../../rules/request.ts';
import type { ClientLimits } from '../options.ts';

export type HeadLimits = Pick<ClientLimits, 'maxHeadBytes' | 'maxFields' | 'extraMethods'>;

/** A head as far as it has been read: complete lines only, each read once. */
export interface HeadLines {
  /** Where the next line starts; when the head is complete, its length. */
  at: number;
  method: Method | (string & {}) | undefined;
  target: string;
  version: '1.0' | '1.1';
  /** Where the fields start. */
  fieldsAt: number;
  fields: Fields;
}

export function createHeadLines(): HeadLines {
  return { at: 0, method: undefined, target: '', version: '1.1', fieldsAt: 0, fields: noFields() };
}

/**
 * The fields of the request before on the same connection, as text and as read. Most clients repeat them byte for
 * byte, and what has been read once need not be read again.
 */
export interface FieldMemory {
  text: string;
  fields: Fields;
}

export function createFieldMemory(): FieldMemory {
  return { text: '', fields: noFields() };
}

/** Larger heads are not worth the memory, for each of thousands of connections. */
const MAX_REMEMBERED = 2_048;

const METHOD_OF: ReadonlyMap<string, Method> = new Map(METHODS.map((method) => [method, method]));

const BAD_REQUEST_LINE = malformed('not an HTTP/1.1 request line');
const BAD_FIELD_LINE = malformed('a field line is not well formed');
const UNKNOWN_VERSION: Refusal = { ...BAD_REQUEST_LINE, status: 505, detail: 'unknown version' };
const TOO_MANY_FIELDS: Refusal = { ...BAD_FIELD_LINE, status: 431, detail: 'too many fields' };
const NAME_TOO_LONG: Refusal = { ...BAD_FIELD_LINE, status: 431, detail: 'a field name is too long' };
const TOO_LARGE: Refusal = { ...BAD_FIELD_LINE, status: 431, detail: 'the head is too large' };

/** What reading a line can come to, beside the place behind it. */
const INCOMPLETE = -1;
const LAST_LINE = -2;
const NO_WORD = -3;

/**
 * Reads on in `text`, one latin1 character a byte, from the head's first byte on. What is wrong is found in the
 * order of the lines and as soon as a byte shows it, however the bytes arrive.
 */
export function readHeadLines(
  text: string,
  lines: HeadLines,
  memory: FieldMemory,
  limits: HeadLimits,
): 'complete' | 'incomplete' | Refusal {
  if (lines.method === undefined) {
    lines.at = skipEmptyLines(text, lines.at);
    const behind = readRequestLine(text, lines.at, lines, limits.extraMethods);
    if (typeof behind !== 'number') return behind;
    if (behind === INCOMPLETE) return incomplete(text, limits);
    lines.at = behind;
    lines.fieldsAt = behind;
    if (memory.text !== '' && text.startsWith(memory.text, behind)) {
      lines.fields = copyOf(memory.fields);
      lines.at += memory.text.length;
      return 'complete';
    }
  }
  for (;;) {
    const behind = readFieldLine(text, lines.at, lines.fields, limits.maxFields);
    if (typeof behind !== 'number') return behind;
    if (behind === INCOMPLETE) return incomplete(text, limits);
    if (behind === LAST_LINE) {
      lines.at += 2;
      remember(text, lines, memory);
      return 'complete';
    }
    lines.at = behind;
  }
}

function remember(text: string, { fieldsAt, at, fields }: HeadLines, memory: FieldMemory): void {
  if (text.length > MAX_REMEMBERED) return;
  memory.text = text.slice(fieldsAt, at);
  memory.fields = copyOf(fields);
}

/** Changing the fields of one request must not change those of another. */
function copyOf({ names, values }: Fields): Fields {
  return { names: names.slice(), values: values.slice() };
}

/** Trailers: read like fields, and dropped. The length of the section, or why it is none. */
export function skipTrailers(text: string): number | 'incomplete' | Refusal {
  const dropped = noFields();
  for (let at = 0; ; ) {
    const behind = readFieldLine(text, at, dropped, CLIENT.maxTrailers);
    if (typeof behind !== 'number') return behind;
    if (behind === INCOMPLETE) return text.length >= CLIENT.maxTrailerBytes ? TOO_LARGE : 'incomplete';
    if (behind === LAST_LINE) return at + 2;
    at = behind;
  }
}

function incomplete(text: string, { maxHeadBytes }: HeadLimits): 'incomplete' | Refusal {
  return text.length >= maxHeadBytes ? TOO_LARGE : 'incomplete';
}

/** Clients of long ago send one behind a body (RFC 9112 §2.2). */
function skipEmptyLines(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF) at += 2;
  return at;
}

function readRequestLine(
  text: string,
  start: number,
  lines: HeadLines,
  extraMethods: ReadonlySet<string>,
): number | Refusal {
  // An empty line may just have begun.
  if (start === text.length - 1 && text.charCodeAt(start) === CR) return INCOMPLETE;
  const methodEnd = endOfWord(text, start, TOKEN);
  if (methodEnd < 0) return methodEnd === INCOMPLETE ? INCOMPLETE : BAD_REQUEST_LINE;
  const targetEnd = endOfWord(text, methodEnd + 1, GRAPHIC);
  if (targetEnd < 0) return targetEnd === INCOMPLETE ? INCOMPLETE : BAD_REQUEST_LINE;
  const versionEnd = skip(text, targetEnd + 1, GRAPHIC);
  const behind = endOfLine(text, versionEnd);
  if (behind === undefined) return BAD_REQUEST_LINE;
  if (behind === INCOMPLETE) return INCOMPLETE;
  const version = knownVersion(text, targetEnd + 1, versionEnd);
  if (typeof version !== 'string') return version;
  const word = text.slice(start, methodEnd);
  const method = METHOD_OF.get(word);
  if (method === undefined && !extraMethods.has(word)) return METHOD_NOT_ALLOWED;
  lines.method = method ?? Buffer.from(word).toString();
  lines.target = text.slice(methodEnd + 1, targetEnd);
  lines.version = version;
  return behind;
}

/** The place of the blank behind a word, or what there is instead. */
function endOfWord(text: string, start: number, table: Uint8Array): number {
  const at = skip(text, start, table);
  if (at === text.length) return INCOMPLETE;
  return at > start && text.charCodeAt(at) === SPACE ? at : NO_WORD;
}

function skip(text: string, start: number, table: Uint8Array): number {
  const { length } = text;
  let at = start;
  while (at < length && table[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

function knownVersion(text: string, start: number, end: number): '1.0' | '1.1' | Refusal {
  if (end - start === 8) {
    if (text.startsWith('HTTP/1.1', start)) return '1.1';
    if (text.startsWith('HTTP/1.0', start)) return '1.0';
  }
  return /^HTTP\/\d\.\d$/.test(text.slice(start, end)) ? UNKNOWN_VERSION : BAD_REQUEST_LINE;
}

function readFieldLine(
  text: string,
  start: number,
  { names, values }: Fields,
  maxFields: number,
): number | Refusal {
  if (text.charCodeAt(start) === CR) {
    const behind = endOfLine(text, start);
    return behind === undefined ? BAD_FIELD_LINE : behind === INCOMPLETE ? INCOMPLETE : LAST_LINE;
  }
  if (start < text.length && names.length === maxFields) return TOO_MANY_FIELDS;
  const nameEnd = skip(text, start, TOKEN);
  if (nameEnd - start > CLIENT.maxNameBytes) return NAME_TOO_LONG;
  if (nameEnd === text.length) return INCOMPLETE;
  if (nameEnd === start || text.charCodeAt(nameEnd) !== COLON) return BAD_FIELD_LINE;
  const valueStart = skipBlanks(text, nameEnd + 1);
  const asciiEnd = skip(text, valueStart, VALUE);
  const valueEnd = skip(text, asciiEnd, VALUE_OR_HIGH);
  const behind = endOfLine(text, valueEnd);
  if (behind === undefined) return BAD_FIELD_LINE;
  if (behind === INCOMPLETE) return INCOMPLETE;
  const name = fieldName(text.slice(start, nameEnd));
  const value = text.slice(valueStart, endOfText(text, valueStart, valueEnd));
  if (valueEnd > asciiEnd && !isRequestValue(name.lower, value)) return BAD_FIELD_LINE;
  names.push(name);
  values.push(value);
  return behind;
}

/** The place behind a CRLF at `at`, `undefined` when something else stands there. */
function endOfLine(text: string, at: number): number | undefined {
  if (at >= text.length) return INCOMPLETE;
  if (text.charCodeAt(at) !== CR) return undefined;
  if (at + 1 === text.length) return INCOMPLETE;
  return text.charCodeAt(at + 1) === LF ? at + 2 : undefined;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

function endOfText(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(text.charCodeAt(at - 1))) at -= 1;
  return at;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
