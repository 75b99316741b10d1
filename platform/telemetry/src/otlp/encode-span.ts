import type { Span, SpanKind } from '../trace/span.ts';
import { cut, jsonAttributes, nanosecondsText, writeAttributes } from './attributes.ts';
import type { ProtoWriter } from './proto-writer.ts';

const KIND: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};
const STATUS_ERROR = 2;

/** The fields of a `Span` of OTLP. */
export function writeSpan(writer: ProtoWriter, span: Span): void {
  const { trace, parentSpanId, startedAtMs, error } = span;
  writer.hex(1, trace.traceId);
  writer.hex(2, trace.spanId);
  if (parentSpanId !== undefined) writer.hex(4, parentSpanId);
  writer.text(5, cut(span.name));
  writer.varint(6, KIND[span.kind ?? 'internal']);
  writer.nanoseconds(7, startedAtMs);
  writer.nanoseconds(8, startedAtMs + Math.max(0, span.durationMs));
  writeAttributes(writer, 9, span.attributes);
  if (error !== undefined && span.attributes['error.type'] === undefined)
    writeAttributes(writer, 9, { 'error.type': error });
  for (const { name, atMs, attributes = {} } of span.events ?? [])
    writer.message(11, () => {
      writer.nanoseconds(1, atMs);
      writer.text(2, cut(name));
      writeAttributes(writer, 3, attributes);
    });
  for (const { traceId, spanId } of span.links ?? [])
    writer.message(13, () => {
      writer.hex(1, traceId);
      writer.hex(2, spanId);
    });
  if (error !== undefined)
    writer.message(15, () => {
      writer.text(2, cut(error));
      writer.varint(3, STATUS_ERROR);
    });
  writer.fixed32(16, trace.sampled ? 1 : 0);
}

export function jsonSpan(span: Span): object {
  const { trace, parentSpanId, startedAtMs, error } = span;
  const attributes = error === undefined ? span.attributes : { 'error.type': error, ...span.attributes };
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: cut(span.name),
    kind: KIND[span.kind ?? 'internal'],
    startTimeUnixNano: nanosecondsText(startedAtMs),
    endTimeUnixNano: nanosecondsText(startedAtMs + Math.max(0, span.durationMs)),
    attributes: jsonAttributes(attributes),
    ...(span.events !== undefined && {
      events: span.events.map(({ name, atMs, attributes: more = {} }) => ({
        timeUnixNano: nanosecondsText(atMs),
        name: cut(name),
        attributes: jsonAttributes(more),
      })),
    }),
    ...(span.links !== undefined && {
      links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
    }),
    ...(error !== undefined && { status: { message: cut(error), code: STATUS_ERROR } }),
    flags: trace.sampled ? 1 : 0,
  };
}
