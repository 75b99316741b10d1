#!/usr/bin/env bash
# @bufbuild/protobuf 2.17.0: `durationFromMs` takes any number of milliseconds and leaves the rounding error of a fraction in `nanos`, which is an
# int32. Most times measured with performance.now() give a Duration that cannot be encoded: toBinary throws, and toJson throws a RangeError.
# `timestampFromMs` leaves the same, where only toBinary throws. Round to whole milliseconds, or to nanoseconds by hand.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @bufbuild/protobuf@2.17.0
cat > run.mjs <<'JS'
import { toBinary, toJson } from '@bufbuild/protobuf';
import { DurationSchema, durationFromMs, TimestampSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';

const outcome = (write) => {
  try {
    write();
    return 'written';
  } catch (error) {
    return error.message;
  }
};
const seen = {};
for (const ms of [2.007, 17.7, 1500]) {
  const duration = durationFromMs(ms);
  const timestamp = timestampFromMs(ms);
  seen[ms] = [
    outcome(() => toBinary(DurationSchema, duration)),
    outcome(() => toJson(DurationSchema, duration)),
    outcome(() => toBinary(TimestampSchema, timestamp)),
    outcome(() => toJson(TimestampSchema, timestamp)),
  ];
  console.log(`${ms} ms, nanos ${duration.nanos}: ${seen[ms].join('; ')}`);
}
const times = Array.from({ length: 1000 }, (_, index) => index * 1.2345678);
const wrong = times.filter((ms) => outcome(() => toBinary(DurationSchema, durationFromMs(ms))) !== 'written').length;
console.log(`of 1,000 times with a fraction, ${wrong} cannot be encoded`);
const isWritten = (one) => one === 'written';
const asSaid = seen['2.007'].map(isWritten).join() === 'false,false,false,true' && seen['17.7'].every(isWritten) && seen['1500'].every(isWritten);
process.exitCode = asSaid && wrong > 500 ? 0 : 1;
JS
echo "@bufbuild/protobuf $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@bufbuild/protobuf/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
