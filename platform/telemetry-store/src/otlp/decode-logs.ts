import { forEachRecord, newAttributes, readAttribute, readValue } from './protobuf-attributes.ts';
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
  type AttributeValue,
  createCollector,
  type Decoded,
  type LogRecord,
  type Resource,
} from './records.ts';

/** An `ExportLogsServiceRequest`. Throws `RangeError` when the message is torn. */
export function decodeLogs(body: Buffer): Decoded<LogRecord> {
  const collector = createCollector<LogRecord>();
  forEachRecord(openCursor(body), (cursor, resource, scope) => {
    collector.records.push(readLog(cursor, resource, scope));
  });
  return collector.done();
}

function readLog(cursor: Cursor, resource: Resource, scope: string): LogRecord {
  let timeNs = 0n;
  let observedNs = 0n;
  let severity = 0;
  let body: AttributeValue = '';
  let eventName = '';
  let traceId: Uint8Array | null = null;
  let spanId: Uint8Array | null = null;
  const attributes = newAttributes();
  forEachField(cursor, (tag) => {
    switch (tag) {
      case 9:
        timeNs = readFixed64(cursor);
        return true;
      case 16:
        severity = readVarint(cursor);
        return true;
      case 42:
        body = readMessage(cursor, readValue);
        return true;
      case 50:
        readAttribute(cursor, attributes);
        return true;
      case 74:
        traceId = idOrNone(readBytes(cursor), 16);
        return true;
      case 82:
        spanId = idOrNone(readBytes(cursor), 8);
        return true;
      case 89:
        observedNs = readFixed64(cursor);
        return true;
      case 98:
        eventName = readText(cursor);
        return true;
      default:
        return false;
    }
  });
  if (eventName !== '') attributes['event.name'] = eventName;
  return {
    ...{
      resource,
      scope,
      timeNs: timeNs === 0n ? observedNs : timeNs,
      severity,
      attributes,
      traceId,
      spanId,
    },
    body: textOfBody(body),
  };
}

/** A line without a trace, or with one that is none, is a line all the same. */
export function idOrNone(id: Uint8Array, length: number): Uint8Array | null {
  return id.length === length && id.some((byte) => byte !== 0) ? id : null;
}

export function textOfBody(body: AttributeValue): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}
