export type { Attributes, AttributeValue, Distribution, MetricType } from './otlp/records.ts';
export type { EdgeHalves, EdgeKind } from './store/edges.ts';
export { OUTSIDE } from './store/edges.ts';
export type { Pin } from './store/pins.ts';
export { type Caps, DEFAULT_CAPS } from './store/prune.ts';
export type { Edge, EdgeReader } from './store/read-edges.ts';
export type { LogFilter, LogLine, LogReader } from './store/read-logs.ts';
export type {
  MetricFamily,
  MetricFilter,
  MetricPoint,
  MetricReader,
  MetricSeries,
} from './store/read-metrics.ts';
export type {
  SpanDetails,
  TraceDetails,
  TraceFilter,
  TracePage,
  TraceReader,
  TraceSummary,
} from './store/read-traces.ts';
export { type Loss, openReader, type TelemetryReader } from './store/reader.ts';
