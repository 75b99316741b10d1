export {
  type Acting,
  asSystem,
  currentActing,
  currentContext,
  type RequestContext,
  remainingMs,
  runInContext,
} from './context.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel, silentLogger } from './logger.ts';
export type { Origin } from './metrics/distribution.ts';
export {
  dbClientDuration,
  HTTP_BUCKETS_SECONDS,
  httpClientDuration,
  httpServerDuration,
  messagingProcessDuration,
  methodLabel,
  routeLabel,
  rpcClientDuration,
  rpcServerDuration,
  UNMATCHED_ROUTE,
} from './metrics/durations.ts';
export type { ExpositionFormat, Target } from './metrics/exposition.ts';
export type { Cell, MetricFamily, RefusalReason, Series } from './metrics/families.ts';
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  type LabelValues,
  type Metrics,
  type MetricsOptions,
} from './metrics/metrics.ts';
export { unitOf } from './metrics/names.ts';
export { collectProcessMetrics } from './metrics/process-metrics.ts';
export { createScrape, type ScrapeReply, type ScrapeRequest } from './metrics/scrape.ts';
export {
  readTelemetrySettings,
  startTelemetry,
  type TelemetryOptions,
} from './otlp/start-telemetry.ts';
export {
  epochMs,
  errorName,
  type IncomingSpan,
  logSpans,
  type RecordSpan,
  type Span,
  type SpanAttribute,
  type SpanAttributes,
  type SpanKind,
  type SpanLink,
  type SpanOptions,
  spanRecorder,
  withIncomingSpan,
  withSpan,
} from './trace/span.ts';
export {
  childOf,
  formatTraceparent,
  newTrace,
  parseTraceparent,
  type TraceContext,
} from './trace/trace-context.ts';
