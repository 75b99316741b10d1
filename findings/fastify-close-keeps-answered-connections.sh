#!/usr/bin/env bash
# fastify 5.12.8: `close()` ends connections that are idle, but one whose request is answered while it closes stays open
# until its keep-alive time is over (72 s by default, and about a second), and `close()` waits for it. `keepAliveTimeout: 3000` here.
# The answer to that request says `connection: keep-alive`, so that the client has no reason to let go.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund fastify@5.12.8
cat > run.cjs <<'JS'
const { Agent, get } = require('node:http');
const app = require('fastify')({ keepAliveTimeout: 3_000 });
let answer;
app.get('/', () => new Promise((resolve) => { answer = resolve; }));
app.listen({ port: 0, host: '127.0.0.1' }).then(async (url) => {
  const agent = new Agent({ keepAlive: true });
  const answered = new Promise((resolve) => get(url, { agent }, (response) => {
    response.resume().on('end', () => resolve(response.headers.connection));
  }));
  while (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  const closed = app.close();
  await new Promise((resolve) => setTimeout(resolve, 200));
  answer('ok');
  const header = await answered;
  const at = performance.now();
  await closed;
  const tookMs = Math.round(performance.now() - at);
  console.log(`answered with connection: ${header}; close() took ${tookMs} ms more`);
  process.exit(tookMs > 2_500 ? 0 : 1);
});
JS
echo "fastify $(node -p "JSON.parse(require('fs').readFileSync('node_modules/fastify/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
