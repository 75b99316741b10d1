#!/usr/bin/env bash
# orval 7.13.2 (fetch client): a header parameter that is required is no parameter of the generated function, unless `headers: true` is
# configured. The client compiles under `strict`, sends nothing, and is refused by the server.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund orval@7.13.2 >/dev/null
cat > api.json <<'JSON'
{ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": { "/orders": { "post": {
  "operationId": "placeOrder",
  "parameters": [{ "name": "Idempotency-Key", "in": "header", "required": true, "schema": { "type": "string" } }],
  "responses": { "204": { "description": "done" } } } } } }
JSON
cat > orval.config.cjs <<'JS'
const output = (target, more) => ({ input: './api.json', output: { target, client: 'fetch', ...more } });
module.exports = { plain: output('./plain.ts', {}), told: output('./told.ts', { override: {}, headers: true }) };
JS
npx orval >/dev/null 2>&1
echo "orval $(node -p "JSON.parse(require('fs').readFileSync('node_modules/orval/package.json', 'utf8')).version"), node $(node --version)"
for file in plain told; do echo "$file: $(grep 'export const placeOrder' "$file.ts")"; done
if ! grep -q -i 'idempotency' plain.ts && grep -q -i 'idempotency' told.ts; then echo 'As described.'; else echo 'The behaviour has changed.'; exit 1; fi
