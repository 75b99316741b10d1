#!/usr/bin/env bash
# @opentelemetry/otlp-transformer 0.301.1: a gauge or an attribute that is NaN or infinite is null in the JSON form and kept in the protobuf
# form. JSON of protobuf has the strings "NaN", "Infinity" and "-Infinity" for these (protobuf.dev, ProtoJSON); null means that the
# field is absent. So the same metric arrives as a number over http/protobuf, and as a point without a value over http/json.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/otlp-transformer@0.301.1 @opentelemetry/sdk-metrics@3.1.1 @opentelemetry/resources@3.1.1 @opentelemetry/api@1.10.0
cat > run.mjs <<'JS'
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';

class Once extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}
const reader = new Once();
const provider = new MeterProvider({ resource: resourceFromAttributes({}), readers: [reader] });
for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
  provider.getMeter('m').createObservableGauge(`g${value}`).addCallback((result) => result.observe(value));
const { resourceMetrics } = await reader.collect();
const json = JSON.parse(Buffer.from(JsonMetricsSerializer.serializeRequest(resourceMetrics)).toString());
const points = json.resourceMetrics[0].scopeMetrics[0].metrics.map(({ name, gauge }) => [name, gauge.dataPoints[0].asDouble]);
// The double of a NaN on the wire: field 4, eight bytes that end in f8 7f; of Infinity: f0 7f.
const wire = Buffer.from(ProtobufMetricsSerializer.serializeRequest(resourceMetrics)).toString('hex');
const kept = /21000000000000f87f/.test(wire) && /21000000000000f07f/.test(wire);
console.log('JSON:', JSON.stringify(points), '- protobuf keeps both:', kept);
process.exitCode = kept && points.length === 2 && points.every(([, value]) => value === null) ? 0 : 1;
JS
echo "otlp-transformer $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@opentelemetry/otlp-transformer/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
