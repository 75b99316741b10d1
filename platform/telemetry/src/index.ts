export {
  type Acting,
  asSystem,
  currentActing,
  currentContext,
  type RequestContext,
  remainingMs,
  runInContext,
} from './context.ts';
export {
  HTTP_BUCKETS_SECONDS,
  httpClientDuration,
  httpServerDuration,
  messagingProcessDuration,
  rpcClientDuration,
  rpcServerDuration,
} from './durations.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel, silentLogger } from './logger.ts';
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  METRICS_CONTENT_TYPE,
  type Metrics,
  type MetricsOptions,
} from './metrics.ts';
export { collectProcessMetrics } from './process-metrics.ts';
export { logSpans, type RecordSpan, type Span, type SpanAttributes, withSpan } from './span.ts';
export {
  childOf,
  formatTraceparent,
  newTrace,
  parseTraceparent,
  type TraceContext,
} from './trace-context.ts';
