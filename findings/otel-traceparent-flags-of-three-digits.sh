#!/usr/bin/env bash
# @opentelemetry/core 3.1.1: flags of 0x10 and above leave in three digits. The propagator keeps every bit of a `traceparent` that came in, and
# writes "0" in front of the number. W3C Trace Context (versioning of traceparent, other flags) lets a later version use more bits, and has those
# that a reader does not know sent as zero. `01-…-11` becomes `00-…-011`, which no reader accepts, its own neither: the trace ends at a process that
# only passes it on.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @opentelemetry/core@3.1.1 @opentelemetry/api@1.10.0
cat > run.mjs <<'JS'
import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';

const propagator = new W3CTraceContextPropagator();
const read = (traceparent) => propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter);
const sent = {};
for (const flags of ['01', '03', '11']) {
  const context = read(`01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`);
  const carrier = {};
  propagator.inject(context, carrier, defaultTextMapSetter);
  sent[flags] = { header: carrier.traceparent, isReadBack: trace.getSpanContext(read(carrier.traceparent)) !== undefined };
  console.log(`flags ${flags}: sends ${sent[flags].header}, ${sent[flags].isReadBack ? 'read' : 'not read'} back`);
}
const isAsSaid = sent['11'].header?.endsWith('-011') && !sent['11'].isReadBack;
process.exitCode = isAsSaid && sent['01'].isReadBack && sent['03'].isReadBack ? 0 : 1;
JS
echo "@opentelemetry/core $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@opentelemetry/core/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
