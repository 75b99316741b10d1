import { parseDigits } from '../../rules/characters.ts';
import type { FieldName, Fields } from '../../rules/fields.ts';
import { isHost } from '../../rules/host.ts';
import { CLIENT } from '../../rules/limits.ts';
import { EXPECTATION_FAILED, malformed, type Refusal } from '../../rules/refusal.ts';
import type { BodyFraming, RequestHead } from '../../rules/request.ts';
import { parseTarget } from '../../rules/target.ts';
import type { HeadLines } from './head-lines.ts';

/** A request's head with what concerns its connection alone. */
export interface Http1RequestHead extends RequestHead {
  readonly version: '1.0' | '1.1';
  /** Does the client want to go on after the response? */
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
}

/**
 * A request that ends here although its end is clear: it is refused, or a question to the gateway itself
 * (`OPTIONS *`, or OPTIONS with `Max-Forwards: 0`).
 */
export interface EarlyEnd extends Pick<Http1RequestHead, ConnectionFacts> {
  readonly refusal: Refusal | 'none';
}

type ConnectionFacts = 'method' | 'version' | 'framing' | 'keepAlive' | 'expectsContinue';

const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const NO_NAMES: readonly string[] = [];
const KEEP_ALIVE: readonly string[] = ['keep-alive'];
const CLOSE: readonly string[] = ['close'];

const REPEATED = malformed('a field that must be single is repeated');
const BAD_HOST = malformed('Host is missing or not a host');
const NAMES_FRAMING = malformed('Connection names a framing field');
const BAD_LENGTH = malformed('Content-Length is not a length');
const BAD_CODING = malformed('Transfer-Encoding is not plain chunked');
const TOO_MANY_RANGES: Refusal = { status: 416, code: 'too-many-ranges' };

/** The fields that mean something to the connection. */
interface Special {
  host: string | undefined;
  length: string | undefined;
  coding: string | undefined;
  connection: string | undefined;
  expect: string | undefined;
  upgrade: string | undefined;
  range: string | undefined;
  socketKey: string | undefined;
  socketVersion: string | undefined;
}

/** Makes one request of the lines, or says why they could mean more than one. */
export function readRequestHead(lines: HeadLines): Http1RequestHead | EarlyEnd | Refusal {
  const { method = 'GET', target: raw, version, fields } = lines;
  const special = collectSpecial(fields);
  if ('status' in special) return special;
  const { host = isHealthQuestion(lines, special) ? NO_HOST : undefined } = special;
  if (host === undefined || !isHost(host)) return BAD_HOST;
  const framing = readFraming(special, version);
  if ('status' in framing) return framing;
  const connectionNames = readConnectionNames(special.connection);
  if (namesFraming(connectionNames)) return NAMES_FRAMING;
  if (special.expect !== undefined && special.expect.toLowerCase() !== '100-continue')
    return EXPECTATION_FAILED;
  const keepAlive =
    version === '1.1' ? !connectionNames.includes('close') : connectionNames.includes('keep-alive');
  // A 1.0 client cannot read an interim response (RFC 9110 §10.1.1).
  const expectsContinue = special.expect !== undefined && version === '1.1';
  const facts = { method, version, framing, keepAlive, expectsContinue };
  if (special.range !== undefined && special.range.split(',').length > CLIENT.maxRanges)
    return { ...facts, refusal: TOO_MANY_RANGES };
  if (method === 'OPTIONS' && isForGateway(raw, special)) return { ...facts, refusal: 'none' };
  const target = parseTarget(raw, host);
  if (!target.ok) return { ...facts, refusal: target.rejection };
  if (method === 'OPTIONS' && isLastHop(fields)) return { ...facts, refusal: 'none' };
  const handshake = readHandshake(lines, framing, connectionNames, special);
  return {
    method,
    version,
    target: target.value,
    host,
    fields,
    connectionNames,
    // Some clients say of a handshake that it has no body: what follows is the other protocol's either way.
    framing: handshake === 'websocket' ? NO_BODY : framing,
    handshake,
    keepAlive,
    expectsContinue,
  };
}

function isForGateway(target: string, { host }: Special): boolean {
  return target === '*' || host === undefined;
}

/** In the place of the host that such a request has not: it is for no route. */
const NO_HOST = 'localhost';

/** `OPTIONS / HTTP/1.0` without a host: how balancers ask by default whether somebody is there. */
function isHealthQuestion({ method, target, version }: HeadLines, { host }: Special): boolean {
  return (
    host === undefined && version === '1.0' && method === 'OPTIONS' && (target === '/' || target === '*')
  );
}

function collectSpecial({ names, values }: Fields): Special | Refusal {
  const special: Special = {
    host: undefined,
    length: undefined,
    coding: undefined,
    connection: undefined,
    expect: undefined,
    upgrade: undefined,
    range: undefined,
    socketKey: undefined,
    socketVersion: undefined,
  };
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name === undefined || !(name.isSingle || name.isHopByHop)) continue;
    if (name.isSingle && isRepeated(names, index, name.lower)) return REPEATED;
    note(special, name.lower, values[index] ?? '');
  }
  return special;
}

function isRepeated(names: readonly FieldName[], index: number, lower: string): boolean {
  for (let earlier = 0; earlier < index; earlier += 1) if (names[earlier]?.lower === lower) return true;
  return false;
}

function note(special: Special, lower: string, value: string): void {
  switch (lower) {
    case 'host':
      special.host = value;
      break;
    case 'connection':
      special.connection = special.connection === undefined ? value : `${special.connection},${value}`;
      break;
    case 'content-length':
      special.length = value;
      break;
    case 'transfer-encoding':
      special.coding = value;
      break;
    case 'expect':
      special.expect = value;
      break;
    case 'upgrade':
      special.upgrade = special.upgrade === undefined ? value : `${special.upgrade},${value}`;
      break;
    case 'range':
      special.range = value;
      break;
    case 'sec-websocket-key':
      special.socketKey = value;
      break;
    case 'sec-websocket-version':
      special.socketVersion = value;
      break;
    default:
  }
}

function readFraming({ length, coding }: Special, version: '1.0' | '1.1'): BodyFraming | Refusal {
  if (coding !== undefined) {
    const isPlain = length === undefined && version === '1.1' && coding.toLowerCase() === 'chunked';
    return isPlain ? CHUNKED : BAD_CODING;
  }
  if (length === undefined) return NO_BODY;
  const bytes = parseDigits(length);
  return bytes === -1 ? BAD_LENGTH : { kind: 'length', bytes };
}

function readConnectionNames(value: string | undefined): readonly string[] {
  if (value === undefined) return NO_NAMES;
  // What nearly every client sends, without making a list of it each time.
  if (value === 'keep-alive') return KEEP_ALIVE;
  if (value === 'close') return CLOSE;
  return value.split(',').map((name) => name.trim().toLowerCase());
}

function namesFraming(names: readonly string[]): boolean {
  if (names === NO_NAMES || names === KEEP_ALIVE || names === CLOSE) return false;
  return names.includes('content-length') || names.includes('transfer-encoding') || names.includes('host');
}

function isLastHop({ names, values }: Fields): boolean {
  const index = names.findIndex(({ lower }) => lower === 'max-forwards');
  return index !== -1 && parseDigits(values[index] ?? '') === 0;
}

/** RFC 6455 §4.2.1. Without `Connection: Upgrade` it is a plain request whose field means nothing. */
function readHandshake(
  { method, version }: HeadLines,
  framing: BodyFraming,
  connectionNames: readonly string[],
  { upgrade, socketKey, socketVersion }: Special,
): RequestHead['handshake'] {
  if (upgrade === undefined || !connectionNames.includes('upgrade')) return 'none';
  const protocols = upgrade.toLowerCase().split(',');
  if (!protocols.some((protocol) => protocol.trim() === 'websocket')) return 'none';
  const isComplete =
    protocols.length === 1 &&
    method === 'GET' &&
    version === '1.1' &&
    (framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)) &&
    socketVersion === '13' &&
    /^[A-Za-z0-9+/]{22}==$/.test(socketKey ?? '');
  return isComplete ? 'websocket' : 'invalid';
}
