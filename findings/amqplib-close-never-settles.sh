#!/usr/bin/env bash
# amqplib 2.3.1: channel.close() and connection.close() settle with the broker's answer alone. When the connection ends before it, both
# promises stay pending for ever, though 'close' is emitted: whoever awaits them in a finally stands still. Other calls of the
# channel that wait then reject. Await the event instead.
# The broker is a few lines here, which greet a client as RabbitMQ does and then end the connection.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund amqplib@2.3.1
cat > run.cjs <<'JS'
const { createServer } = require('node:net');
const { setTimeout: sleep } = require('node:timers/promises');
const amqp = require('amqplib');
const defs = require('./node_modules/amqplib/lib/defs');

const REPLIES = {
  [defs.ConnectionStartOk]: [defs.ConnectionTune, { channelMax: 16, frameMax: 131072, heartbeat: 0 }],
  [defs.ConnectionOpen]: [defs.ConnectionOpenOk, {}],
  [defs.ChannelOpen]: [defs.ChannelOpenOk, {}],
};
const ENDS = new Set([defs.ChannelClose, defs.ConnectionClose, defs.QueueDeclare]);

const server = createServer((socket) => {
  let held = Buffer.alloc(0);
  let greeted = false;
  const send = (channel, [id, fields]) => socket.write(defs.encodeMethod(id, channel, fields));
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    held = Buffer.concat([held, bytes]);
    if (!greeted && held.length >= 8) {
      greeted = true;
      held = held.subarray(8);
      send(0, [defs.ConnectionStart, { versionMajor: 0, versionMinor: 9, serverProperties: {}, mechanisms: Buffer.from('PLAIN'), locales: Buffer.from('en_US') }]);
    }
    while (held.length >= 7 && held.length >= 8 + held.readUInt32BE(3)) {
      const [channel, size] = [held.readUInt16BE(1), held.readUInt32BE(3)];
      const method = held.readUInt32BE(7);
      held = held.subarray(8 + size);
      if (ENDS.has(method)) socket.destroy();
      else if (REPLIES[method]) send(channel, REPLIES[method]);
    }
  });
});

const fate = (promise) =>
  Promise.race([promise.then(() => 'resolved', () => 'rejected'), sleep(3_000, 'pending after 3 s')]);

async function connection() {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${server.address().port}/`);
  model.on('error', () => undefined);
  return model;
}

server.listen(0, '127.0.0.1', async () => {
  const one = await (await connection()).createChannel();
  let emitted = false;
  one.on('close', () => { emitted = true; });
  const channelClose = await fate(one.close());
  const connectionClose = await fate((await connection()).close());
  const other = await (await connection()).createChannel();
  const declare = await fate(other.assertQueue('q'));
  console.log(`channel.close(): ${channelClose}, 'close' emitted: ${emitted}`);
  console.log(`connection.close(): ${connectionClose}`);
  console.log(`assertQueue(): ${declare}`);
  const same = channelClose.startsWith('pending') && emitted && connectionClose.startsWith('pending') && declare === 'rejected';
  process.exit(same ? 0 : 1);
});
JS
echo "amqplib $(node -p "JSON.parse(require('fs').readFileSync('node_modules/amqplib/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
