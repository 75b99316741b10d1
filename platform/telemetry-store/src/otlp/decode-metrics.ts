import { forEachRecord, newAttributes, readAttribute } from './protobuf-attributes.ts';
import {
  type Cursor,
  forEachField,
  openCursor,
  readBytes,
  readDouble,
  readFixed64,
  readFixedCount,
  readMessage,
  readPacked,
  readSignedFixed64,
  readText,
  readVarint,
  readZigzag,
} from './protobuf-cursor.ts';
import {
  type Collector,
  createCollector,
  type Decoded,
  type Distribution,
  type MetricType,
  type PointRecord,
  type Resource,
} from './records.ts';

type Family = Pick<PointRecord, 'resource' | 'name' | 'unit' | 'description' | 'type'>;
type Mode = { temporality: number; monotonic: boolean };
type Point = Omit<PointRecord, keyof Family | keyof Mode>;

/** An `ExportMetricsServiceRequest`. Throws `RangeError` when the message is torn. */
export function decodeMetrics(body: Buffer): Decoded<PointRecord> {
  const collector = createCollector<PointRecord>();
  forEachRecord(openCursor(body), (cursor, resource) => readMetric(cursor, resource, collector));
  return collector.done();
}

const TYPES: Readonly<Record<number, MetricType>> = {
  42: 'gauge',
  58: 'sum',
  74: 'histogram',
  82: 'exponential',
  90: 'summary',
};

function readMetric(cursor: Cursor, resource: Resource, collector: Collector<PointRecord>): void {
  let [name, unit, description] = ['', '', ''];
  let data: { readonly type: MetricType; readonly at: Cursor } | undefined;
  forEachField(cursor, (tag) => {
    const type = TYPES[tag];
    if (tag === 10) name = readText(cursor);
    else if (tag === 18) description = readText(cursor);
    else if (tag === 26) unit = readText(cursor);
    else if (type !== undefined) data = { type, at: readMessage(cursor, keep) };
    else return false;
    return true;
  });
  if (data === undefined) return;
  if (name === '') collector.reject('a metric has no name');
  else readPoints(data.at, { resource, name, unit, description, type: data.type }, collector);
}

/** The name of a metric may come behind its points. */
function keep(inner: Cursor): Cursor {
  const kept = { ...inner };
  inner.at = inner.end;
  return kept;
}

function readPoints(cursor: Cursor, family: Family, collector: Collector<PointRecord>): void {
  const mode: Mode = { temporality: 0, monotonic: false };
  const points: Point[] = [];
  const read = READERS[family.type];
  forEachField(cursor, (tag) => {
    if (tag === 10) points.push(readMessage(cursor, read));
    else if (tag === 16) mode.temporality = readVarint(cursor);
    else if (tag === 24) mode.monotonic = readVarint(cursor) !== 0;
    else return false;
    return true;
  });
  for (const point of points) collector.records.push({ ...family, ...mode, ...point });
}

function readNumber(cursor: Cursor): Point {
  let [timeNs, value] = [0n, 0];
  const attributes = newAttributes();
  const exemplars: Uint8Array[] = [];
  forEachField(cursor, (tag) => {
    if (tag === 25) timeNs = readFixed64(cursor);
    else if (tag === 33) value = readDouble(cursor);
    else if (tag === 49) value = Number(readSignedFixed64(cursor));
    else if (tag === 42) readExemplar(cursor, exemplars);
    else if (tag === 58) readAttribute(cursor, attributes);
    else return false;
    return true;
  });
  return { timeNs, value, count: 0, attributes, exemplars };
}

type Totals = { timeNs: bigint; value: number; count: number };

/** Three fields have the same numbers in all points of several observations. */
function readTotal(tag: number, cursor: Cursor, totals: Totals): boolean {
  if (tag === 25) totals.timeNs = readFixed64(cursor);
  else if (tag === 33) totals.count = readFixedCount(cursor);
  else if (tag === 41) totals.value = readDouble(cursor);
  else return false;
  return true;
}

function readHistogram(cursor: Cursor): Point {
  const totals: Totals = { timeNs: 0n, value: 0, count: 0 };
  const attributes = newAttributes();
  const exemplars: Uint8Array[] = [];
  const [bounds, counts]: [number[], number[]] = [[], []];
  forEachField(cursor, (tag) => {
    if (readTotal(tag, cursor, totals)) return true;
    if (tag === 50) readPacked(cursor, counts, readFixedCount);
    else if (tag === 49) counts.push(readFixedCount(cursor));
    else if (tag === 58) readPacked(cursor, bounds, readDouble);
    else if (tag === 57) bounds.push(readDouble(cursor));
    else if (tag === 66) readExemplar(cursor, exemplars);
    else if (tag === 74) readAttribute(cursor, attributes);
    else return false;
    return true;
  });
  return { ...totals, attributes, exemplars, distribution: { bounds, counts } };
}

function readExponential(cursor: Cursor): Point {
  const totals: Totals = { timeNs: 0n, value: 0, count: 0 };
  const attributes = newAttributes();
  const exemplars: Uint8Array[] = [];
  const found: { -readonly [K in keyof Distribution]: Distribution[K] } = { scale: 0, zeroCount: 0 };
  forEachField(cursor, (tag) => {
    if (readTotal(tag, cursor, totals)) return true;
    if (tag === 10) readAttribute(cursor, attributes);
    else if (tag === 48) found.scale = readZigzag(cursor);
    else if (tag === 57) found.zeroCount = readFixedCount(cursor);
    else if (tag === 66) found.positive = readMessage(cursor, readBuckets);
    else if (tag === 74) found.negative = readMessage(cursor, readBuckets);
    else if (tag === 90) readExemplar(cursor, exemplars);
    else return false;
    return true;
  });
  return { ...totals, attributes, exemplars, distribution: found };
}

function readBuckets(cursor: Cursor): { offset: number; counts: readonly number[] } {
  let offset = 0;
  const counts: number[] = [];
  forEachField(cursor, (tag) => {
    if (tag === 8) offset = readZigzag(cursor);
    else if (tag === 18) readPacked(cursor, counts, readVarint);
    else if (tag === 16) counts.push(readVarint(cursor));
    else return false;
    return true;
  });
  return { offset, counts };
}

function readSummary(cursor: Cursor): Point {
  const totals: Totals = { timeNs: 0n, value: 0, count: 0 };
  const attributes = newAttributes();
  const quantiles: (readonly [number, number])[] = [];
  forEachField(cursor, (tag) => {
    if (readTotal(tag, cursor, totals)) return true;
    if (tag === 50) quantiles.push(readMessage(cursor, readQuantile));
    else if (tag === 58) readAttribute(cursor, attributes);
    else return false;
    return true;
  });
  return { ...totals, attributes, exemplars: [], distribution: { quantiles } };
}

function readQuantile(cursor: Cursor): readonly [number, number] {
  let [quantile, value] = [0, 0];
  forEachField(cursor, (tag) => {
    if (tag === 9) quantile = readDouble(cursor);
    else if (tag === 17) value = readDouble(cursor);
    else return false;
    return true;
  });
  return [quantile, value];
}

/** Of an exemplar the trace alone is kept: it is what the point leads to. */
function readExemplar(cursor: Cursor, into: Uint8Array[]): void {
  readMessage(cursor, (inner) =>
    forEachField(inner, (tag) => {
      if (tag !== 42) return false;
      const id = readBytes(inner);
      if (id.length === 16) into.push(id);
      return true;
    }),
  );
}

const READERS: Readonly<Record<MetricType, (cursor: Cursor) => Point>> = {
  gauge: readNumber,
  sum: readNumber,
  histogram: readHistogram,
  exponential: readExponential,
  summary: readSummary,
};
