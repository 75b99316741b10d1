#!/usr/bin/env bash
# rfc6902 5.4.0: an operation whose path is the whole document fails with MissingError, and the document stays as it was. RFC 6901 (5) has "" for the
# whole document, and RFC 6902 (4.1) says of `add` there that the value becomes the content. `createPatch` writes exactly that when an object becomes
# an array, or a number another one: the package refuses the patch that it made. fast-json-patch 3.1.1 applies the same patch.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund rfc6902@5.4.0 fast-json-patch@3.1.1
cat > run.mjs <<'JS'
import other from 'fast-json-patch';
import { applyPatch, createPatch } from 'rfc6902';

const results = [
  [{ a: 1 }, [1]],
  [1, 2],
].map(([from, to]) => {
  const patch = createPatch(from, to);
  const document = structuredClone(from);
  const [error] = applyPatch(document, patch);
  const { newDocument } = other.applyPatch(structuredClone(from), patch);
  console.log(`${JSON.stringify(from)} to ${JSON.stringify(to)}: ${JSON.stringify(patch)}`);
  console.log(`  rfc6902: ${error?.name}, ${JSON.stringify(document)} - fast-json-patch: ${JSON.stringify(newDocument)}`);
  const isRefused = error?.name === 'MissingError' && JSON.stringify(document) === JSON.stringify(from);
  return isRefused && JSON.stringify(newDocument) === JSON.stringify(to);
});
process.exitCode = results.every(Boolean) ? 0 : 1;
JS
echo "rfc6902 $(node -p "JSON.parse(require('fs').readFileSync('node_modules/rfc6902/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
