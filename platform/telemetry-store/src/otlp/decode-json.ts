import { idOrNone, textOfBody } from './decode-logs.ts';
import { toKind } from './decode-traces.ts';
import {
  anyValueOf,
  attributesOf,
  BadRecord,
  enumOf,
  type Fields,
  fieldsOf,
  forEachJsonRecord,
  idOf,
  listOf,
  nanosOf,
  numberOf,
  pick,
  textOf,
} from './json-values.ts';
import {
  type Collector,
  createCollector,
  type Decoded,
  type LogRecord,
  type Resource,
  type SpanRecord,
} from './records.ts';
import { spanProblem } from './span-problem.ts';

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (name) => `SPAN_KIND_${name}`,
);
const STATUSES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

/** The JSON form of a request for traces, as tolerant as the senders are various. A bad span costs itself alone. */
export function decodeJsonTraces(request: unknown): Decoded<SpanRecord> {
  const collector = createCollector<SpanRecord>();
  forEachJsonRecord(request, ['resourceSpans', 'scopeSpans', 'spans'], (fields, resource, scope) =>
    orReject(collector, () => {
      const span = spanOf(fields, resource, scope);
      const problem = spanProblem(span);
      if (problem === undefined) collector.records.push(span);
      else collector.reject(problem);
    }),
  );
  return collector.done();
}

export function orReject<T>(collector: Collector<T>, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error;
    collector.reject(error.message);
  }
}

function spanOf(fields: Fields, resource: Resource, scope: string): SpanRecord {
  const parent = idOf(pick(fields, 'parentSpanId'), 'parentSpanId', 8);
  const status = fieldsOf(fields['status']);
  return {
    ...{ resource, scope },
    traceId: idOf(pick(fields, 'traceId'), 'traceId', 16),
    spanId: idOf(pick(fields, 'spanId'), 'spanId', 8),
    parentId: parent.every((byte) => byte === 0) ? null : parent,
    name: textOf(fields['name']),
    kind: toKind(enumOf(fields['kind'], KINDS)),
    startNs: nanosOf(pick(fields, 'startTimeUnixNano'), 'startTimeUnixNano'),
    endNs: nanosOf(pick(fields, 'endTimeUnixNano'), 'endTimeUnixNano'),
    status: enumOf(status['code'], STATUSES),
    statusMessage: textOf(status['message']),
    attributes: attributesOf(fields['attributes']),
    events: listOf(fields['events']).map((event) => eventOf(fieldsOf(event))),
    links: listOf(fields['links']).map((link) => linkOf(fieldsOf(link))),
  };
}

function eventOf(fields: Fields): SpanRecord['events'][number] {
  return {
    name: textOf(fields['name']),
    timeNs: nanosOf(pick(fields, 'timeUnixNano'), 'timeUnixNano'),
    attributes: attributesOf(fields['attributes']),
  };
}

function linkOf(fields: Fields): SpanRecord['links'][number] {
  return {
    traceId: idOf(pick(fields, 'traceId'), 'traceId', 16).toString('hex'),
    spanId: idOf(pick(fields, 'spanId'), 'spanId', 8).toString('hex'),
    attributes: attributesOf(fields['attributes']),
  };
}

const SEVERITY = /^SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)$/;
const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

export function decodeJsonLogs(request: unknown): Decoded<LogRecord> {
  const collector = createCollector<LogRecord>();
  forEachJsonRecord(request, ['resourceLogs', 'scopeLogs', 'logRecords'], (fields, resource, scope) =>
    orReject(collector, () => collector.records.push(logOf(fields, resource, scope))),
  );
  return collector.done();
}

function logOf(fields: Fields, resource: Resource, scope: string): LogRecord {
  const timeNs = nanosOf(pick(fields, 'timeUnixNano'), 'timeUnixNano');
  const eventName = textOf(pick(fields, 'eventName'));
  const attributes = attributesOf(fields['attributes']);
  return {
    ...{ resource, scope },
    timeNs: timeNs === 0n ? nanosOf(pick(fields, 'observedTimeUnixNano'), 'observedTimeUnixNano') : timeNs,
    severity: severityOf(pick(fields, 'severityNumber')),
    body: textOfBody(anyValueOf(fields['body'])),
    attributes: eventName === '' ? attributes : { ...attributes, 'event.name': eventName },
    traceId: idOrNone(idOf(pick(fields, 'traceId'), 'traceId', 16), 16),
    spanId: idOrNone(idOf(pick(fields, 'spanId'), 'spanId', 8), 8),
  };
}

function severityOf(value: unknown): number {
  const named = typeof value === 'string' ? SEVERITY.exec(value) : null;
  if (named === null) return numberOf(value);
  const [, level = '', step = ''] = named;
  return SEVERITIES.indexOf(level) * 4 + (step === '' ? 1 : Number(step));
}
