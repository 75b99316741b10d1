#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: a metadata value with a space at its end is accepted by `set`, and never arrives: key and
# value are gone at the server, without an error on either side. The client side keeps them in `get`.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7
cat > run.cjs <<'JS'
const grpc = require('@grpc/grpc-js');
const same = (one) => one;
const method = { path: '/s/m', requestStream: false, responseStream: false,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
const server = new grpc.Server();
server.addService({ m: method }, { m: (call, answer) => {
  const { plain, padded, inner } = call.metadata.getMap();
  answer(null, Buffer.from(JSON.stringify({ plain, padded, inner })));
} });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('plain', 'x');
  metadata.set('inner', 'x y');
  metadata.set('padded', 'x ');
  console.log('sent    ', JSON.stringify(metadata.getMap()));
  client.makeUnaryRequest(method.path, same, same, Buffer.alloc(0), metadata, (failure, body) => {
    if (failure) throw failure;
    console.log('received', body.toString());
    const { plain, padded, inner } = JSON.parse(body.toString());
    client.close();
    server.forceShutdown();
    process.exitCode = plain === 'x' && inner === 'x y' && padded === undefined ? 0 : 1;
  });
});
JS
echo "grpc-js $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@grpc/grpc-js/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
