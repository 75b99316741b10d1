#!/usr/bin/env bash
# npm consul 2.0.1: a compare-and-set that loses gives undefined, neither false nor an error, for kv.set and kv.del alike. Consul answers it
# with 200 and the body `false`. A caller that compares with false takes a lost race for a won one; test for true.
# The server is a few lines here, which answer as Consul 1.16 does.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund consul@2.0.1
cat > run.cjs <<'JS'
const { createServer } = require('node:http');
const Consul = require('consul');

const CURRENT = '7';
const server = createServer((request, response) => {
  const cas = new URL(request.url, 'http://localhost').searchParams.get('cas');
  request.resume().on('end', () => response.setHeader('Content-Type', 'application/json').end(String(cas === CURRENT)));
});
server.listen(0, '127.0.0.1', async () => {
  const { kv } = new Consul({ host: '127.0.0.1', port: server.address().port });
  const won = await kv.set({ key: 'leader', value: 'a', cas: CURRENT });
  const lost = await kv.set({ key: 'leader', value: 'b', cas: '6' });
  const deleted = await kv.del({ key: 'leader', cas: '6' });
  console.log(`set, index current: ${won}\nset, index old: ${lost}\ndel, index old: ${deleted}`);
  process.exit(won === true && lost === undefined && deleted === undefined ? 0 : 1);
});
JS
echo "consul $(node -p "require('./node_modules/consul/package.json').version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
