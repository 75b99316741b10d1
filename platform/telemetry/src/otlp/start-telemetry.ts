import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { setProcessTelemetry } from '../trace/process-wide.ts';
import { logSpans } from '../trace/span.ts';
import { type OtelSettings, readOtelEnvironment } from './environment.ts';

export interface TelemetryOptions {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Of `readTelemetrySettings`. */
  readonly settings: OtelSettings | undefined;
  /** Spans are lines of the log, too. */
  readonly logsSpans: boolean;
}

/** What `OTEL_*` says. `undefined`: nothing is to leave the process. Calls `refuse` with everything that is wrong. */
export function readTelemetrySettings(
  env: Readonly<Record<string, string | undefined>>,
  refuse: (problems: readonly string[]) => never,
): OtelSettings | undefined {
  const read = readOtelEnvironment(env);
  if (read.is === 'unusable') return refuse(read.problems);
  return read.is === 'on' ? read.settings : undefined;
}

/**
 * Sends what this process has to tell to where `OTEL_*` says, until it is closed. Without them nothing is loaded and no span is made.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<{ close(): Promise<void> }> {
  const { settings, logger, metrics } = options;
  if (settings === undefined) {
    const restore = setProcessTelemetry(options.logsSpans ? { recordSpan: logSpans(logger) } : {});
    return { close: async () => restore() };
  }
  const { startExport } = await import('./start-export.ts');
  const resource = {
    'service.name': settings.serviceName ?? options.service,
    'service.version': options.version,
    'service.instance.id': options.instance,
    'telemetry.sdk.name': 'flotilla',
    'telemetry.sdk.language': 'nodejs',
    'process.pid': String(process.pid),
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.version,
    ...settings.resource,
  };
  return await startExport({ settings, resource, metrics, logger });
}
