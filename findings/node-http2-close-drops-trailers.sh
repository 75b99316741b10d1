#!/usr/bin/env bash
# Node 20 to 24: a server's HTTP/2 stream with waitForTrailers that is closed with NO_ERROR in its 'finish' loses the trailers, and the
# client's stream still ends without an error. 'finish' comes before 'wantTrailers'. gRPC over such a stream has no status.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > run.mjs <<'JS'
import { once } from 'node:events';
import http2 from 'node:http2';

async function answered(closeOnFinish) {
  const server = http2.createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    if (closeOnFinish) stream.on('finish', () => stream.close(http2.constants.NGHTTP2_NO_ERROR));
    stream.end('body');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
  const request = client.request({ ':path': '/' });
  const seen = { body: '', trailers: 'none', error: 'none' };
  request.on('data', (bytes) => { seen.body += bytes; });
  request.on('trailers', (fields) => { seen.trailers = fields['grpc-status']; });
  request.on('error', ({ message }) => { seen.error = message; });
  await once(request, 'close');
  client.close();
  server.close();
  return `body ${seen.body}, grpc-status ${seen.trailers}, error ${seen.error}`;
}

const [left, closed] = [await answered(false), await answered(true)];
console.log(`left to end: ${left}\nclosed in 'finish': ${closed}`);
process.exit(left === 'body body, grpc-status 0, error none' && closed === 'body body, grpc-status none, error none' ? 0 : 1);
JS
echo "node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
