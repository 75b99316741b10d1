import { type LogRecord, logAttributes, SEVERITY } from '../trace/log-record.ts';
import {
  cut,
  jsonAttributes,
  jsonValue,
  nanosecondsText,
  writeAttributes,
  writeValue,
} from './attributes.ts';
import type { ProtoWriter } from './proto-writer.ts';

/** The fields of a `LogRecord` of OTLP. */
export function writeLog(writer: ProtoWriter, record: LogRecord): void {
  const { atMs, level, message, trace } = record;
  writer.nanoseconds(1, atMs);
  writer.varint(2, SEVERITY[level]);
  writer.text(3, level);
  writer.message(5, () => writeValue(writer, message, 0));
  writeAttributes(writer, 6, logAttributes(record));
  if (trace !== undefined) {
    writer.fixed32(8, trace.sampled ? 1 : 0);
    writer.hex(9, trace.traceId);
    writer.hex(10, trace.spanId);
  }
  writer.nanoseconds(11, atMs);
}

export function jsonLog(record: LogRecord): object {
  const { atMs, level, message, trace } = record;
  return {
    timeUnixNano: nanosecondsText(atMs),
    observedTimeUnixNano: nanosecondsText(atMs),
    severityNumber: SEVERITY[level],
    severityText: level,
    body: jsonValue(cut(message), 0),
    attributes: jsonAttributes(logAttributes(record)),
    ...(trace !== undefined && {
      traceId: trace.traceId,
      spanId: trace.spanId,
      flags: trace.sampled ? 1 : 0,
    }),
  };
}
