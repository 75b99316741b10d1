#!/usr/bin/env bash
# cloudevents 10.0.0: an event that is received without a `time` has one, the moment of reading, and a `time` finer than a millisecond, or with an
# offset, is rewritten. CloudEvents 1.0.2 (time) makes it optional, and gives the choice of another time to the producer alone. Two deliveries of one
# event differ, an intermediary asserts a time that nobody gave, and events a microsecond apart become simultaneous.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund cloudevents@10.0.0
cat > run.mjs <<'JS'
import { HTTP } from 'cloudevents';

const event = { specversion: '1.0', id: '1', source: '/orders', type: 'placed' };
const binary = Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce-${name}`, value]));
const started = Date.now();
const structured = (more) =>
  HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' }, body: JSON.stringify({ ...event, ...more }) });
const times = [
  HTTP.toEvent({ headers: { ...binary, 'content-type': 'application/json' }, body: '{}' }).time,
  structured({}).time,
];
const fine = structured({ time: '2024-05-01T12:00:00.123456+02:00' });
const forwarded = HTTP.binary(structured({})).headers['ce-time'];
console.log(`no time, binary and structured: ${times.join(', ')}`);
console.log(`no time, forwarded: ce-time ${forwarded}`);
console.log(`12:00:00.123456+02:00: ${fine.time}`);
const isNow = (time) => Date.parse(time) >= started;
process.exitCode = [...times, forwarded].every(isNow) && fine.time === '2024-05-01T10:00:00.123Z' ? 0 : 1;
JS
echo "cloudevents $(node -p "JSON.parse(require('fs').readFileSync('node_modules/cloudevents/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
