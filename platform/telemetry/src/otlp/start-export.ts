import { type Clock, systemClock } from '@flotilla/kernel';
import type { Logger } from '../logger.ts';
import type { Counter, Metrics } from '../metrics/metrics.ts';
import { setProcessTelemetry } from '../trace/process-wide.ts';
import type { RecordSpan } from '../trace/span.ts';
import { registerOpenTelemetry } from './api-bridge.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import {
  createJsonEncoding,
  createProtobufEncoding,
  type Encoding,
  type Resource,
  type Signal,
} from './encoding.ts';
import type { OtelSettings, QueueSettings, SignalSettings } from './environment.ts';
import { createSampler } from './sampler.ts';
import { createSender } from './sender.ts';

export interface ExportOptions {
  readonly settings: OtelSettings;
  readonly resource: Resource;
  readonly metrics: Metrics;
  /** For what the export itself has to say. */
  readonly logger: Logger;
  readonly clock?: Clock;
}

export interface RunningExport {
  /** Sends what waits, for 2 s at most. */
  close(): Promise<void>;
}

const OUTCOMES = ['accepted', 'queue-full', 'rejected', 'unreachable'] as const;

/** Metrics are few and always whole: they need no more room than a reading. */
const METRIC_QUEUE: QueueSettings = { maxQueue: 10_000, maxBatch: 2_000, delayMs: 100 };

/** Sends spans, log records and metrics of this process to where the settings say. */
export async function startExport(options: ExportOptions): Promise<RunningExport> {
  const { settings, metrics } = options;
  const exported = metrics.counter(
    'telemetry_exported_total',
    'Spans, log records and metrics by what became of them at the receiver.',
    ['signal', 'outcome'],
    '{record}',
  );
  const traces = openSignal('traces', settings.traces, settings.spans, exported, options);
  const logs = openSignal('logs', settings.logs, settings.logRecords, exported, options);
  const figures = openSignal('metrics', settings.metrics, METRIC_QUEUE, exported, options);
  const recordSpan = traces && spanFilter(traces, settings.slowMs);
  const restore = setProcessTelemetry({
    recordSpan,
    recordLog: logs && ((record) => logs.push(logs.encoding.log(record))),
    sampler: createSampler(settings.sampler),
  });
  const unregister = recordSpan && (await registerOpenTelemetry(recordSpan));
  const reader = figures && readPeriodically(figures, options);
  return {
    close: async () => {
      unregister?.();
      restore();
      reader?.stop();
      await Promise.all([traces?.close(), logs?.close(), figures?.close()]);
    },
  };
}

interface OpenSignal extends Batcher {
  readonly encoding: Encoding;
}

function openSignal(
  signal: Signal,
  to: SignalSettings | undefined,
  queue: QueueSettings,
  exported: Counter,
  { resource, logger, clock = systemClock }: ExportOptions,
): OpenSignal | undefined {
  if (to === undefined) return undefined;
  exported.startAtZero({ signal: [signal], outcome: OUTCOMES });
  const encoding =
    to.protocol === 'http/json' ? createJsonEncoding(resource) : createProtobufEncoding(resource);
  const sender = createSender({ ...to, contentType: encoding.contentType });
  const batcher = createBatcher({
    ...queue,
    clock,
    request: (items) => encoding.request(signal, items),
    send: sender.send,
    count: (outcome, items) => exported.inc({ signal, outcome }, items),
    onState: (state) =>
      state.is === 'failing'
        ? logger.warn({ signal, endpoint: to.url.origin, why: state.why }, 'telemetry is not taken')
        : logger.info({ signal, endpoint: to.url.origin }, 'telemetry is taken again'),
  });
  return {
    encoding,
    push: batcher.push,
    close: async () => {
      await batcher.close();
      sender.close();
    },
  };
}

/** Of traces that are not sampled, failures and what is slow. */
function spanFilter(to: OpenSignal, slowMs: number): RecordSpan {
  return (span) => {
    if (!span.trace.sampled && span.error === undefined && span.durationMs < slowMs) return;
    to.push(to.encoding.span(span));
  };
}

function readPeriodically(to: OpenSignal, { settings, metrics }: ExportOptions): { stop(): void } {
  const startMs = performance.timeOrigin;
  const read = () => {
    const encoding = { startMs, nowMs: Date.now(), exponential: settings.exponentialHistograms };
    for (const family of metrics.collect()) {
      const [first] = family.series();
      if (first !== undefined) to.push(to.encoding.metric(family, encoding));
    }
  };
  const timer = setInterval(read, settings.metricIntervalMs).unref();
  return {
    stop: () => {
      clearInterval(timer);
      read(); // the last word before the end
    },
  };
}
