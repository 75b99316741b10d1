/** Our side of the comparison of exporters: a span with six attributes, made, ended and sent. */
import {
  createMetrics,
  readTelemetrySettings,
  silentLogger,
  startTelemetry,
  withSpan,
} from '@flotilla/telemetry';
import { runProgram } from '../program.ts';
import { makeSpans } from './make-spans.ts';

await runProgram(async ({ env }: { readonly env: Readonly<Record<string, string>> }) => {
  const settings = readTelemetrySettings(env, (problems) => {
    throw new TypeError(problems.join('\n'));
  });
  const metrics = createMetrics();
  const facts = { service: 'bench', version: '1.0.0', instance: 'bench-1', logsSpans: false };
  const telemetry = await startTelemetry({ ...facts, metrics, logger: silentLogger, settings });
  return {
    commands: {
      measure: () =>
        makeSpans(
          (name, attributes) => withSpan(name, attributes, () => undefined, { kind: 'server' }),
          () => telemetry.close(),
        ),
    },
    close: () => telemetry.close(),
  };
});
