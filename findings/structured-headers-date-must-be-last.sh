#!/usr/bin/env bash
# structured-headers 2.1.0: a Date is read only where the field ends behind it. RFC 9651 (3.3.7) makes a Date an item like any other, so it may have
# parameters, and members may follow it in a list, an inner list and a dictionary; all of these throw here. Integers and display strings in the same
# places are read. The package writes such a field itself, and cannot read back what it wrote.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund structured-headers@2.1.0
cat > run.mjs <<'JS'
import { parseDictionary, parseItem, parseList, serializeList } from 'structured-headers';

const fails = (read, field) => {
  try {
    read(field);
    return false;
  } catch {
    return true;
  }
};
const own = serializeList([[new Date(1_659_578_233_000), new Map()], [1, new Map()]]);
const cases = [
  ['an item', parseItem, '@1659578233', false],
  ['the last of a dictionary', parseDictionary, 'a=1, b=@1659578233', false],
  ['an integer with a parameter', parseItem, '1659578233;a=1', false],
  ['with a parameter', parseItem, '@1659578233;a=1', true],
  ['the first of a dictionary', parseDictionary, 'a=@1659578233, b=1', true],
  ['in an inner list', parseList, '(@1659578233 @1659578234)', true],
  ['what the package wrote', parseList, own, true],
];
for (const [name, read, field] of cases) console.log(`${name}: ${field} ${fails(read, field) ? 'throws' : 'is read'}`);
process.exitCode = cases.every(([, read, field, expected]) => fails(read, field) === expected) ? 0 : 1;
JS
echo "structured-headers $(node -p "JSON.parse(require('fs').readFileSync('node_modules/structured-headers/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
