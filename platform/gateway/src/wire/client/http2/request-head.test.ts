import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldValue } from '../../rules/fields.ts';
import { DEFAULT_HTTP2_LIMITS } from '../options.ts';
import { readHttp2Head } from './request-head.ts';

const GET = [':method', 'GET', ':scheme', 'https', ':authority', 'test', ':path', '/a?b'];

function read(more: readonly string[], { base = GET, endsStream = true } = {}) {
  const result = readHttp2Head([...base, ...more], endsStream, DEFAULT_HTTP2_LIMITS);
  return result.ok ? result.value : result.rejection;
}

function statusOf(read: ReturnType<typeof readHttp2Head> | object | 'none'): number | string {
  return typeof read === 'string' ? read : 'status' in read ? Number(read.status) : 200;
}

function replaced(name: string, value: string): string[] {
  const base = [...GET];
  base[base.indexOf(name) + 1] = value;
  return base;
}

test('a plain request is read', () => {
  const head = read(['x-a', '1', 'te', 'trailers', 'content-length', '0']);
  assert.ok(typeof head === 'object' && 'request' in head);
  const { request } = head;
  assert.equal(request.method, 'GET');
  assert.equal(request.version, '2.0');
  assert.equal(request.host, 'test');
  assert.equal(request.target.path, '/a');
  assert.equal(request.target.query, '?b');
  assert.deepEqual(request.framing, { kind: 'none' });
  assert.equal(fieldValue(request.fields, 'x-a'), '1');
});

test('a body has a length or is of unknown length', () => {
  const framing = (more: string[]) => {
    const head = read(more, { endsStream: false });
    return typeof head === 'object' && 'request' in head ? head.request.framing : undefined;
  };
  assert.deepEqual(framing([]), { kind: 'chunked' });
  assert.deepEqual(framing(['content-length', '7']), { kind: 'length', bytes: 7 });
});

test('cookie lines become one', () => {
  const head = read(['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2']);
  assert.ok(typeof head === 'object' && 'request' in head);
  assert.equal(fieldValue(head.request.fields, 'cookie'), 'a=1; b=2');
});

const REFUSED: [string, readonly string[], number, string[]?][] = [
  ['an unknown method', [], 405, replaced(':method', 'get')],
  ['CONNECT', [], 405, [':method', 'CONNECT', ':authority', 'test']],
  ['another scheme', [], 400, replaced(':scheme', 'ftp')],
  ['no path', [], 400, [':method', 'GET', ':scheme', 'https', ':authority', 'test']],
  ['an unknown pseudo-field', [':protocol', 'websocket'], 400],
  ['a repeated pseudo-field', [':path', '/b'], 400],
  ['no authority', [], 400, [':method', 'GET', ':scheme', 'https', ':path', '/']],
  ['an authority that is no host', [], 400, replaced(':authority', 'a@b')],
  ['an authority that is no address', [], 400, replaced(':authority', '[:::::]')],
  ['half an address', [], 400, replaced(':authority', '[1.2.3]')],
  ['an address with a zone', [], 400, replaced(':authority', '[fe80::1%25eth0]')],
  ['a port that is none', [], 400, replaced(':authority', 'a:0')],
  ['a Host that differs', ['host', 'other'], 400],
  ['an upper-case name', ['X-A', '1'], 400],
  ['a name that is no token', ['x a', '1'], 400],
  ['connection', ['connection', 'close'], 400],
  ['transfer-encoding', ['transfer-encoding', 'chunked'], 400],
  ['upgrade', ['upgrade', 'h2c'], 400],
  ['te other than trailers', ['te', 'gzip'], 400],
  ['a line end in a value', ['x', 'a\r\nb'], 400],
  ['bytes from 0x80', ['x', '\xe9'], 400],
  ['NUL', ['x', 'a\0'], 400],
  ['a repeated authorization', ['authorization', 'a', 'authorization', 'a'], 400],
  ['two lengths', ['content-length', '0', 'content-length', '0'], 400],
  ['a length that is none', ['content-length', '+1'], 400],
  ['a length without a body', ['content-length', '1'], 400],
  ['another expectation', ['expect', 'gold'], 417],
  ['six ranges', ['range', 'bytes=0-1,2-3,4-5,6-7,8-9,10-11'], 416],
  ['a dot segment', [], 400, replaced(':path', '/a/../b')],
  ['a target above 8 KiB', [], 414, replaced(':path', `/${'a'.repeat(8_200)}`)],
  ['a head above 32 KiB', ['x', 'a'.repeat(32_768)], 431],
  ['101 fields', Array.from({ length: 202 }, () => 'x'), 431],
];

for (const [name, more, status, base] of REFUSED)
  test(`refuses ${name}`, () => {
    assert.equal(statusOf(read(more, base && { base })), status);
  });

test('serves a head of 12 KiB and 90 fields', () => {
  assert.equal(statusOf(read(['x', 'a'.repeat(12_000)])), 200);
  assert.equal(statusOf(read(Array.from({ length: 180 }, () => 'x'))), 200);
});

test('answers OPTIONS for itself', () => {
  const options = replaced(':method', 'OPTIONS');
  assert.equal(statusOf(read(['max-forwards', '0'], { base: options })), 'none');
  options[options.indexOf(':path') + 1] = '*';
  assert.equal(statusOf(read([], { base: options })), 'none');
});
