import { forEachRecord, newAttributes, readAttribute } from './protobuf-attributes.ts';
import {
  type Cursor,
  forEachField,
  openCursor,
  readBytes,
  readFixed64,
  readMessage,
  readText,
  readVarint,
} from './protobuf-cursor.ts';
import {
  createCollector,
  type Decoded,
  type Resource,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanRecord,
} from './records.ts';
import { spanProblem } from './span-problem.ts';

const NO_BYTES = Buffer.alloc(0);
const NONE: readonly never[] = [];

/** An `ExportTraceServiceRequest`. Throws `RangeError` when the message is torn; a bad span costs itself alone. */
export function decodeTraces(body: Buffer): Decoded<SpanRecord> {
  const collector = createCollector<SpanRecord>();
  forEachRecord(openCursor(body), (cursor, resource, scope) => {
    const span = readSpan(cursor, resource, scope);
    const problem = spanProblem(span);
    if (problem === undefined) collector.records.push(span);
    else collector.reject(problem);
  });
  return collector.done();
}

function readSpan(cursor: Cursor, resource: Resource, scope: string): SpanRecord {
  let traceId: Buffer = NO_BYTES;
  let spanId: Buffer = NO_BYTES;
  let parentId: Buffer | null = null;
  let name = '';
  let kind = 0;
  let startNs = 0n;
  let endNs = 0n;
  let status = { code: 0, message: '' };
  const attributes = newAttributes();
  let events: SpanEvent[] | undefined;
  let links: SpanLink[] | undefined;
  forEachField(cursor, (tag) => {
    switch (tag) {
      case 10:
        traceId = readBytes(cursor);
        return true;
      case 18:
        spanId = readBytes(cursor);
        return true;
      case 34: {
        const bytes = readBytes(cursor);
        parentId = bytes.every((byte) => byte === 0) ? null : bytes; // some senders write an empty or zero one
        return true;
      }
      case 42:
        name = readText(cursor);
        return true;
      case 48:
        kind = readVarint(cursor);
        return true;
      case 57:
        startNs = readFixed64(cursor);
        return true;
      case 65:
        endNs = readFixed64(cursor);
        return true;
      case 74:
        readAttribute(cursor, attributes);
        return true;
      case 90:
        events ??= [];
        events.push(readMessage(cursor, readEvent));
        return true;
      case 106:
        links ??= [];
        links.push(readMessage(cursor, readLink));
        return true;
      case 122:
        status = readMessage(cursor, readStatus);
        return true;
      default:
        return false;
    }
  });
  return {
    ...{ resource, scope, traceId, spanId, parentId, name, kind: toKind(kind), startNs, endNs, attributes },
    ...{ status: status.code, statusMessage: status.message, events: events ?? NONE, links: links ?? NONE },
  };
}

/** One that is not known is none. */
export function toKind(kind: number): SpanKind {
  return kind >= 1 && kind <= 5 ? (kind as SpanKind) : 0;
}

function readStatus(cursor: Cursor): { code: number; message: string } {
  const status = { code: 0, message: '' };
  forEachField(cursor, (tag) => {
    if (tag === 18) status.message = readText(cursor);
    else if (tag === 24) status.code = readVarint(cursor);
    else return false;
    return true;
  });
  return status;
}

function readEvent(cursor: Cursor): SpanEvent {
  let [name, timeNs] = ['', 0n];
  const attributes = newAttributes();
  forEachField(cursor, (tag) => {
    if (tag === 9) timeNs = readFixed64(cursor);
    else if (tag === 18) name = readText(cursor);
    else if (tag === 26) readAttribute(cursor, attributes);
    else return false;
    return true;
  });
  return { name, timeNs, attributes };
}

function readLink(cursor: Cursor): SpanLink {
  let [traceId, spanId] = ['', ''];
  const attributes = newAttributes();
  forEachField(cursor, (tag) => {
    if (tag === 10) traceId = readBytes(cursor).toString('hex');
    else if (tag === 18) spanId = readBytes(cursor).toString('hex');
    else if (tag === 34) readAttribute(cursor, attributes);
    else return false;
    return true;
  });
  return { traceId, spanId, attributes };
}
