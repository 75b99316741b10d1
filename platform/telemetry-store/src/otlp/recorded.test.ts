import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decodeLogs } from './decode-logs.ts';
import { decodeMetrics } from './decode-metrics.ts';
import { decodeTraces } from './decode-traces.ts';

const FOLDER = join(import.meta.dirname, '../../test/recorded');
const recorded = (name: string) => readFileSync(join(FOLDER, `${name}.bin`));
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('what the SDK of Go has sent', () => {
  it('as traces is kept whole', () => {
    const { records, rejected } = decodeTraces(recorded('go-traces'));
    const [child, root] = records;
    assert.ok(child && root);
    assert.deepEqual([records.length, rejected], [2, 0]);
    assert.deepEqual(
      [root.resource.service, root.resource.version, root.resource.instance, root.scope],
      ['checkout', '1.2.3', 'checkout-1', 'shop/checkout'],
    );
    assert.deepEqual([root.name, root.kind, root.parentId, root.status], ['POST /checkout', 2, null, 0]);
    assert.deepEqual(plain(root.attributes), {
      ...{ 'http.route': '/checkout', large: String(2n ** 60n), negative: -5, ratio: 0.25, retried: true },
      tags: ['a', 'ü'],
    });
    assert.deepEqual([child.kind, child.status, child.statusMessage], [3, 2, 'declined']);
    assert.ok(
      child.parentId &&
        Buffer.from(child.parentId).equals(root.spanId) &&
        Buffer.from(root.traceId).equals(child.traceId),
    );
    assert.ok(root.startNs <= child.startNs && child.endNs <= root.endNs);
    assert.deepEqual(
      child.events.map(({ name, attributes }) => [name, plain(attributes)]),
      [
        ['retry', { attempt: 2 }],
        ['exception', { 'exception.type': '*errors.errorString', 'exception.message': 'card declined' }],
      ],
    );
    assert.deepEqual(plain(child.links), [
      { traceId: `ab${'0'.repeat(30)}`, spanId: `cd${'0'.repeat(14)}`, attributes: { why: 'batch' } },
    ]);
  });

  it('as logs belongs to its span', () => {
    const [line] = decodeLogs(recorded('go-logs')).records;
    const root = decodeTraces(recorded('go-traces')).records[1];
    assert.ok(line && root);
    assert.deepEqual([line.body, line.severity], ['card declined', 13]);
    assert.deepEqual(plain(line.attributes), { 'order.id': '42', card: { brand: 'visa', tries: 2 } });
    assert.ok(root.spanId && line.spanId && Buffer.from(line.spanId).equals(root.spanId));
  });

  it('as metrics has every kind, and the trace of each example', () => {
    const { records, rejected } = decodeMetrics(recorded('go-metrics'));
    assert.equal(rejected, 0);
    assert.deepEqual(
      records.map(({ name, type, value, count, monotonic }) => [name, type, value, count, monotonic]),
      [
        ['orders', 'sum', 3, 0, true],
        ['open', 'sum', -2, 0, false],
        ['lag', 'gauge', 1.5, 0, false],
        ['duration', 'histogram', 7.55, 3, false],
        ['wait', 'exponential', 7.55, 3, false],
      ],
    );
    assert.deepEqual(records[3]?.distribution, { bounds: [0.1, 1], counts: [1, 1, 1] });
    const traceId = Buffer.from(decodeTraces(recorded('go-traces')).records[0]?.traceId ?? []);
    assert.ok(records.every(({ exemplars }) => exemplars.every((one) => traceId.equals(one))));
  });
});

/** A field of protobuf: a message or bytes, text, fixed64 or fixed32 by the kind of its value. */
function field(number: number, value: Buffer | string | bigint | { readonly fixed32: number }): Buffer {
  if (typeof value === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return Buffer.concat([varint(number * 8 + 1), bytes]);
  }
  if (typeof value === 'object' && 'fixed32' in value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value.fixed32);
    return Buffer.concat([varint(number * 8 + 5), bytes]);
  }
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

const whole = (number: number, value: number) => Buffer.concat([varint(number * 8), varint(value)]);
const message = (number: number, ...fields: readonly Buffer[]) => field(number, Buffer.concat(fields));

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}

const double = (value: number): bigint => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.readBigUInt64LE();
};

const text = (key: string, value: string) => message(1, field(1, key), message(2, field(1, value)));
const RESOURCE = message(1, text('service.name', 'checkout'), whole(2, 3));

describe("what OTLP's definitions let a sender write", () => {
  it('is taken where no other sender writes it: any order, fields of no use here, unknown ones', () => {
    const flags = { fixed32: 0x301 };
    const span = message(
      2,
      ...[field(8, 2n ** 53n + 1_001n), field(7, 2n ** 53n + 1n), field(5, 'work'), whole(6, 5)],
      ...[field(16, flags), field(3, 'vendor=1'), whole(10, 1), whole(12, 2), whole(14, 3)],
      message(
        13,
        field(1, Buffer.alloc(16, 7)),
        field(2, Buffer.alloc(8, 7)),
        field(3, 'a=b'),
        field(6, flags),
      ),
      message(9, field(1, 'raw'), message(2, field(7, Buffer.from([255, 0])))),
      ...[field(2, Buffer.alloc(8, 2)), field(4, Buffer.alloc(0)), field(1, Buffer.alloc(16, 1))],
      ...[message(100, field(1, 'later')), field(101, { fixed32: 1 }), field(102, 1n), whole(103, 300)],
    );
    const scope = message(1, field(1, 'library'), field(2, '1'), whole(4, 1));
    const spans = message(2, span, field(3, 'https://schema.example/1'), scope);
    // The resource behind what belongs to it: the order of fields means nothing.
    const body = message(1, spans, field(3, 'https://schema.example/1'), RESOURCE);
    const { records, rejected, reason } = decodeTraces(body);
    assert.deepEqual([records.length, rejected, reason], [1, 0, '']);
    const [record] = records;
    assert.deepEqual(
      [record?.resource.service, record?.scope, record?.name, record?.kind, record?.parentId],
      ['checkout', 'library', 'work', 5, null],
    );
    assert.equal(record?.startNs, 2n ** 53n + 1n);
    assert.equal(record?.links[0]?.spanId, '07'.repeat(8));
    assert.ok(record?.attributes['raw'] !== undefined);
  });

  it('is taken with numbers one by one, as proto2 would write lists', () => {
    const point = message(
      1,
      ...[field(3, 1_700_000_000_000_000_000n), field(4, 3n), field(5, double(7.55))],
      ...[1n, 1n, 1n].map((count) => field(6, count)),
      ...[0.1, 1].map((bound) => field(7, double(bound))),
      ...[field(11, double(0.05)), field(12, double(7))],
    );
    const metric = message(2, field(1, 'duration'), field(3, 's'), message(9, point, whole(2, 2)));
    const { records, rejected } = decodeMetrics(message(1, RESOURCE, message(2, metric)));
    assert.equal(rejected, 0);
    assert.deepEqual(records[0]?.distribution, { bounds: [0.1, 1], counts: [1, 1, 1] });
    assert.deepEqual([records[0]?.count, records[0]?.value], [3, 7.55]);
  });
});
