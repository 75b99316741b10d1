#!/usr/bin/env bash
# avsc 5.7.9: a record, an enum or a fixed that has moved to another namespace cannot be read any more. Avro (1.12, schema resolution) matches the
# names of both without their namespaces. The reader needs an alias with the full old name for each type that moved.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund avsc@5.7.9
cat > run.mjs <<'JS'
import avro from 'avsc';

const kinds = {
  record: [{ type: 'record', name: 'Order', fields: [{ name: 'total', type: 'int' }] }, { total: 5 }],
  enum: [{ type: 'enum', name: 'State', symbols: ['OPEN'] }, 'OPEN'],
  fixed: [{ type: 'fixed', name: 'Key', size: 1 }, Buffer.from([7])],
};
const read = (schema, value, more) => {
  const writer = avro.Type.forSchema({ ...schema, namespace: 'shop.v1' });
  const reader = avro.Type.forSchema({ ...schema, namespace: 'shop.v2', ...more });
  try {
    reader.fromBuffer(writer.toBuffer(value), reader.createResolver(writer));
    return 'read';
  } catch (error) {
    return error.message;
  }
};
const results = Object.entries(kinds).map(([kind, [schema, value]]) => {
  const moved = read(schema, value, {});
  const alias = read(schema, value, { aliases: [`shop.v1.${schema.name}`] });
  console.log(`${kind}: ${moved}; with an alias: ${alias}`);
  return moved !== 'read' && alias === 'read';
});
process.exitCode = results.every(Boolean) ? 0 : 1;
JS
echo "avsc $(node -p "JSON.parse(require('fs').readFileSync('node_modules/avsc/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
