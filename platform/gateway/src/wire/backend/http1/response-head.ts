import { isToken, isValue, parseDigits } from '../../rules/characters.ts';
import { fieldName } from '../../rules/field-names.ts';
import { appendField, type Fields, noFields } from '../../rules/fields.ts';
import type { ResponseHead } from '../../rules/response.ts';

/** A head of which some lines have been read. */
export interface HeadLines {
  /** 0 = not even the status line. */
  status: number;
  reason: string;
  isVersion10: boolean;
  /** End-to-end fields. */
  readonly fields: Fields;
  contentLength: number | undefined;
  isChunked: boolean;
  /** All `Connection` lines, joined. */
  connection: string;
  upgrade: string;
  keepAlive: string;
}

export interface FinalHead {
  readonly head: ResponseHead;
  readonly body: 'none' | 'length' | 'chunked' | 'until-close' | 'switched';
  /** May the connection be used again? */
  readonly persistent: boolean;
  /** How long the back end keeps the idle connection, if it says so. */
  readonly keepAliveMs: number | undefined;
}

export function noLines(): HeadLines {
  return {
    status: 0,
    reason: '',
    isVersion10: false,
    fields: noFields(),
    contentLength: undefined,
    isChunked: false,
    connection: '',
    upgrade: '',
    keepAlive: '',
  };
}

/** Reads the line `text[start, end)`, without its CRLF. `false` = nothing that can be read in one way only. */
export function readHeadLine(lines: HeadLines, text: string, start: number, end: number): boolean {
  return lines.status === 0 ? readStatusLine(lines, text, start, end) : readField(lines, text, start, end);
}

/** The blank before an empty reason may be missing: many servers leave it out. */
function readStatusLine(lines: HeadLines, text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length < 12 || !text.startsWith('HTTP/1.', start) || text.charCodeAt(start + 8) !== 0x20) return false;
  if (length > 12 && text.charCodeAt(start + 12) !== 0x20) return false;
  const minor = text.charCodeAt(start + 7) - 48;
  if (minor !== 0 && minor !== 1) return false;
  const status = parseDigits(text.slice(start + 9, start + 12));
  if (status < 100 || status > 599 || !isValue(text, start + 12, end)) return false;
  lines.isVersion10 = minor === 0;
  lines.status = status;
  lines.reason = text.slice(start + 13, end);
  return true;
}

function readField(lines: HeadLines, text: string, start: number, end: number): boolean {
  const colon = text.indexOf(':', start);
  if (colon === -1 || colon >= end || !isToken(text, start, colon)) return false;
  let from = colon + 1;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  if (!isValue(text, from, to)) return false;
  const name = fieldName(text.slice(start, colon));
  const value = text.slice(from, to);
  if (name.isHopByHop) return readHopByHop(lines, name.lower, value);
  if (name.lower !== 'content-length') {
    appendField(lines.fields, name, value);
    return true;
  }
  const bytes = parseDigits(value);
  if (bytes === -1 || lines.contentLength !== undefined) return false;
  lines.contentLength = bytes;
  return true;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function readHopByHop(lines: HeadLines, name: string, value: string): boolean {
  if (name === 'transfer-encoding') {
    if (lines.isChunked || value.toLowerCase() !== 'chunked') return false;
    lines.isChunked = true;
  } else if (name === 'connection')
    lines.connection = lines.connection === '' ? value : `${lines.connection},${value}`;
  else if (name === 'upgrade') lines.upgrade = lines.upgrade === '' ? value : `${lines.upgrade},${value}`;
  else if (name === 'keep-alive') lines.keepAlive = value;
  return true;
}

/**
 * What the complete head means for the request it answers: `interim` = another one follows, `undefined` = it
 * cannot be the response. RFC 9112 §6.3, but stricter: both framings at once and framing in HTTP/1.0's or 1xx's
 * place are no response.
 */
export function finishHead(
  lines: HeadLines,
  isHead: boolean,
  asksForUpgrade: boolean,
): FinalHead | 'interim' | undefined {
  const { status, contentLength, isChunked, isVersion10 } = lines;
  if (isChunked && (contentLength !== undefined || isVersion10 || status < 200)) return undefined;
  const named = lines.connection === '' ? NOTHING : connectionNames(lines.connection);
  if (status < 200) {
    if (isVersion10 || (contentLength ?? 0) > 0) return undefined;
    if (status !== 101) return 'interim';
    if (!asksForUpgrade || !agreesToWebSocket(lines, named)) return undefined;
  }
  const body = bodyOf(lines, isHead);
  const fields = named.size === 0 ? lines.fields : withoutNamed(lines.fields, named);
  return {
    head: { status, reason: lines.reason, fields, bodyBytes: status === 204 ? 0 : contentLength },
    body,
    persistent: body !== 'until-close' && isKept(isVersion10, named),
    keepAliveMs: lines.keepAlive === '' ? undefined : keepAliveMs(lines.keepAlive),
  };
}

function agreesToWebSocket({ upgrade }: HeadLines, named: ReadonlySet<string>): boolean {
  return upgrade.toLowerCase() === 'websocket' && named.has('upgrade');
}

function isKept(isVersion10: boolean, named: ReadonlySet<string>): boolean {
  return !named.has('close') && (!isVersion10 || named.has('keep-alive'));
}

function bodyOf({ status, isChunked, contentLength }: HeadLines, isHead: boolean): FinalHead['body'] {
  if (status === 101) return 'switched';
  if (isHead || status === 204 || status === 304) return 'none';
  if (isChunked) return 'chunked';
  if (contentLength === undefined) return 'until-close';
  return contentLength === 0 ? 'none' : 'length';
}

const NOTHING: ReadonlySet<string> = new Set();

function connectionNames(connection: string): ReadonlySet<string> {
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}

function withoutNamed({ names, values }: Fields, named: ReadonlySet<string>): Fields {
  const kept = noFields();
  for (const [index, name] of names.entries())
    if (!named.has(name.lower)) appendField(kept, name, values[index] ?? '');
  return kept;
}

/** Of `timeout=5, max=100`. */
function keepAliveMs(value: string): number | undefined {
  for (const part of value.split(',')) {
    const [key = '', seconds = ''] = part.trim().toLowerCase().split('=');
    const parsed = key === 'timeout' ? parseDigits(seconds) : -1;
    if (parsed !== -1) return parsed * 1_000;
  }
  return undefined;
}
