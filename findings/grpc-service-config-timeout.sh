#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: the `timeout` of a service config is read with its digits after the point as whole
# nanoseconds. "0.5s" is 5 ns and "1.5s" is 1.000000005 s; the JSON form of a duration means 500 and 1,500 ms.
# Only exactly nine digits ("0.500000000s") are read as meant.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @grpc/grpc-js@1.14.7
cat > run.cjs <<'JS'
const grpc = require('@grpc/grpc-js');
const bytes = { serialize: (one) => one, deserialize: (one) => one };
const method = { path: '/s/m', requestStream: false, responseStream: false,
  requestSerialize: bytes.serialize, requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize, responseDeserialize: bytes.deserialize };
const server = new grpc.Server();
server.addService({ m: method }, { m: (_call, answer) => setTimeout(() => answer(null, Buffer.from('ok')), 100) });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  const seen = {};
  for (const timeout of ['20s', '20.5s', '0.9s', '0.900000000s']) {
    const config = { loadBalancingConfig: [], methodConfig: [{ name: [{ service: 's' }], timeout }] };
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(),
      { 'grpc.service_config': JSON.stringify(config) });
    await new Promise((resolve) => client.waitForReady(Date.now() + 10_000, resolve));
    seen[timeout] = await new Promise((resolve) =>
      client.makeUnaryRequest(method.path, bytes.serialize, bytes.deserialize, Buffer.alloc(0),
        (failure) => resolve(failure ? grpc.status[failure.code] : 'OK')));
    client.close();
    console.log(`timeout ${timeout}, answer after 100 ms: ${seen[timeout]}`);
  }
  server.forceShutdown();
  process.exitCode = seen['0.9s'] === 'DEADLINE_EXCEEDED' && seen['0.900000000s'] === 'OK' && seen['20.5s'] === 'OK' ? 0 : 1;
});
JS
echo "grpc-js $(node -p "JSON.parse(require('fs').readFileSync('node_modules/@grpc/grpc-js/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
