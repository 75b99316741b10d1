/** The side of OpenTelemetry's own SDK of `npm run bench -- telemetry`. */
import { SpanKind } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { runProgram } from '../program.ts';
import { makeSpans } from '../telemetry/make-spans.ts';

await runProgram(async ({ url }: { readonly url: string }) => {
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
  const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 100_000 });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'bench' }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('bench');
  return {
    commands: {
      measure: () =>
        makeSpans(
          (name, attributes) => tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }).end(),
          () => processor.forceFlush(),
        ),
    },
    close: () => provider.shutdown(),
  };
});
