#!/usr/bin/env bash
# mqtt-packet 9.0.2: the user properties of MQTT 5 are kept by name, so a=1, b=2, a=3 is written again as a=1, a=3, b=2. A name may come more than
# once and the order counts: a server has to forward them in it (MQTT 5.0, 3.3.2.3.7, MQTT-3.3.2-18). A broker or bridge on this package cannot.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund mqtt-packet@9.0.2
cat > run.mjs <<'JS'
import packets from 'mqtt-packet';

const text = (value) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
const property = ([name, value]) => Buffer.concat([Buffer.from([0x26]), text(name), text(value)]);
const publish = (pairs) => {
  const properties = Buffer.concat(pairs.map(property));
  const rest = Buffer.concat([text('topic'), Buffer.from([properties.length]), properties, Buffer.from('body')]);
  return Buffer.concat([Buffer.from([0x30, rest.length]), rest]);
};
const pass = (bytes) => {
  let packet;
  packets.parser({ protocolVersion: 5 }).on('packet', (one) => { packet = one; }).parse(bytes);
  return { properties: packet.properties.userProperties, bytes: packets.generate(packet, { protocolVersion: 5 }) };
};
const apart = pass(publish([['a', '1'], ['b', '2'], ['a', '3']]));
const together = publish([['a', '1'], ['a', '3'], ['b', '2']]);
console.log('a=1, b=2, a=3 is read as', JSON.stringify(apart.properties));
const isReordered = apart.bytes.equals(together);
console.log(`and written as ${isReordered ? 'a=1, a=3, b=2' : 'it came'}`);
process.exitCode = isReordered && pass(together).bytes.equals(together) ? 0 : 1;
JS
echo "mqtt-packet $(node -p "JSON.parse(require('fs').readFileSync('node_modules/mqtt-packet/package.json')).version"), node $(node --version)"
node run.mjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
