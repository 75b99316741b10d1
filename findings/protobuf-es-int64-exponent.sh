#!/usr/bin/env bash
# @bufbuild/protobuf 2.17.0: the JSON string "1e2" is 100 for an int32 and an error "out of range" for an int64, and so is "100.0". ProtoJSON
# (protobuf.dev, ProtoJSON format, table of types) accepts exponents for both, quoted and unquoted. Unquoted ones are read: JSON.parse has already
# made a number of them.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @bufbuild/protobuf@2.17.0
cat > run.mjs <<'JS'
import { fromJsonString } from '@bufbuild/protobuf';
import { Int32ValueSchema, Int64ValueSchema, UInt64ValueSchema } from '@bufbuild/protobuf/wkt';

const read = (schema, json) => {
  try {
    return String(fromJsonString(schema, json).value);
  } catch (error) {
    return error.message.replace(/^.*: /, '');
  }
};
const seen = ['"1e2"', '"100.0"', '1e2', '"100"'].map((json) => {
  const row = [Int32ValueSchema, Int64ValueSchema, UInt64ValueSchema].map((schema) => read(schema, json));
  console.log(`${json}: int32 ${row[0]}, int64 ${row[1]}, uint64 ${row[2]}`);
  return row;
});
const isRefused = ([small, ...large]) => small === '100' && large.every((one) => one.endsWith('out of range'));
const isRead = (row) => row.every((one) => one === '100');
process.exitCode = seen.slice(0, 2).every(isRefused) && seen.slice(2).every(isRead) ? 0 : 1;
JS
echo "@bufbuild/protobuf $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@bufbuild/protobuf/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
