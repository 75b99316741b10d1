import type { TelemetryReader } from '@flotilla/telemetry-store';
import type { ConsoleDeps } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { numberOf, textOf } from './input.ts';

export function readerOf(deps: ConsoleDeps): TelemetryReader {
  const reader = deps.telemetry();
  if (reader === undefined)
    throw consoleError(
      'CONSOLE_UNAVAILABLE',
      'there is no telemetry yet: the store has written nothing, or there is none',
    );
  return reader;
}

export function listTraces(deps: ConsoleDeps, query: URLSearchParams): object {
  const service = textOf(query, 'service');
  const name = textOf(query, 'name');
  const attribute = textOf(query, 'attribute');
  const minDurationMs = numberOf(query, 'min');
  const toMs = numberOf(query, 'before');
  const reader = readerOf(deps);
  const page = reader.traces.list({
    ...(service && { service }),
    ...(name && { name }),
    ...(attribute && { attribute }),
    ...(minDurationMs !== undefined && { minDurationMs }),
    ...(toMs !== undefined && { toMs }),
    ...(query.get('errors') === '1' && { hasErrors: true }),
  });
  return { ...page, services: reader.traces.services() };
}

export function findTrace(deps: ConsoleDeps, id: string): object {
  const reader = readerOf(deps);
  const trace = reader.traces.find(id);
  if (trace === undefined)
    throw consoleError('CONSOLE_NOT_FOUND', 'no trace has this id, or it is no longer kept');
  return { ...trace, logs: reader.logs.list({ traceId: id, limit: 500 }).toReversed() };
}

export function listLogs(deps: ConsoleDeps, query: URLSearchParams): object {
  const service = textOf(query, 'service');
  const text = textOf(query, 'text');
  const traceId = textOf(query, 'trace');
  const minSeverity = numberOf(query, 'severity');
  const afterId = numberOf(query, 'after');
  const reader = readerOf(deps);
  const lines = reader.logs.list({
    ...(service && { service }),
    ...(text && { text }),
    ...(traceId && { traceId }),
    ...(minSeverity !== undefined && { minSeverity }),
    ...(afterId !== undefined && { afterId, limit: 1_000 }),
  });
  return { lines, newest: reader.logs.newest(), services: reader.traces.services() };
}
