#!/usr/bin/env bash
# amqplib 2.3.1: a header value of class Date is written without an error and arrives as {}. AMQP has a type for timestamps, which
# amqplib writes when it is given { '!': 'timestamp', value: seconds }.
# Needs a RabbitMQ: AMQP_URL=amqp://…
set -euo pipefail
[ -n "${AMQP_URL:-}" ] || { echo 'Skipped: AMQP_URL is not set.'; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund amqplib@2.3.1
cat > run.cjs <<'JS'
const amqp = require('amqplib');
(async () => {
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const headers = { at: new Date(0), told: { '!': 'timestamp', value: 17 }, text: 'x' };
  channel.sendToQueue(queue, Buffer.from('x'), { headers });
  let message = false;
  while (message === false) message = await channel.get(queue, { noAck: true });
  console.log('received', JSON.stringify(message.properties.headers));
  await connection.close();
  process.exit(JSON.stringify(message.properties.headers.at) === '{}' ? 0 : 1);
})();
JS
echo "amqplib $(node -p "JSON.parse(require('fs').readFileSync('node_modules/amqplib/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
