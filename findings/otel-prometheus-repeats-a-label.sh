#!/usr/bin/env bash
# @opentelemetry/exporter-prometheus 0.301.0: two attributes that become the same label, `a.b` and `a_b`, are written as two labels of one name, and
# so is an attribute `le` of a histogram. The specification (Prometheus and OpenMetrics compatibility, metric attributes) joins their values with
# ";". Prometheus 2.42 drops the whole scrape for it, "label name is not unique", and shows the process as down.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/exporter-prometheus@0.301.0 @opentelemetry/sdk-metrics@3.1.0 @opentelemetry/api@1.10.0
cat > run.mjs <<'JS'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';

class Once extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}
const reader = new Once();
const meter = new MeterProvider({ readers: [reader] }).getMeter('m');
meter.createCounter('jobs').add(1, { 'a.b': 'x', a_b: 'y' });
meter.createHistogram('wait').record(1, { le: 'z' });
const { resourceMetrics } = await reader.collect();
const lines = new PrometheusSerializer().serialize(resourceMetrics).split('\n');
const jobs = lines.find((line) => line.startsWith('jobs_total{'));
const wait = lines.find((line) => line.startsWith('wait_bucket{'));
console.log(`${jobs}\n${wait}`);
const names = (line, label) => line.split(/[{,}]/).filter((part) => part.startsWith(`${label}=`)).length;
process.exitCode = names(jobs, 'a_b') === 2 && names(wait, 'le') === 2 ? 0 : 1;
JS
echo "exporter-prometheus $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@opentelemetry/exporter-prometheus/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
