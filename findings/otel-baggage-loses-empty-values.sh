#!/usr/bin/env bash
# @opentelemetry/core 3.1.1: a baggage entry with an empty value is sent as `key=` and dropped when it is read, properties and all. In W3C Baggage
# (grammar of the header, value = *baggage-octet) a value has zero or more characters, so `key=` is an entry whose value is empty. The entry ends at
# the first hop.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @opentelemetry/core@3.1.1 @opentelemetry/api@1.10.0
cat > run.mjs <<'JS'
import { defaultTextMapGetter, defaultTextMapSetter, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { W3CBaggagePropagator } from '@opentelemetry/core';

const propagator = new W3CBaggagePropagator();
const baggage = propagation.createBaggage({ coupon: { value: '' }, tenant: { value: 'north' } });
const carrier = {};
propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), carrier, defaultTextMapSetter);
const read = (header) =>
  (propagation.getBaggage(propagator.extract(ROOT_CONTEXT, { baggage: header }, defaultTextMapGetter))?.getAllEntries() ?? []).map(([key]) => key);
const keys = read(carrier.baggage);
const withProperty = read('coupon=;kind=none');
console.log(`sent: ${carrier.baggage} - read: ${keys.join(', ')}`);
console.log(`coupon=;kind=none - read: ${withProperty.join(', ') || 'nothing'}`);
process.exitCode = carrier.baggage === 'coupon=,tenant=north' && keys.join() === 'tenant' && withProperty.length === 0 ? 0 : 1;
JS
echo "@opentelemetry/core $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@opentelemetry/core/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
