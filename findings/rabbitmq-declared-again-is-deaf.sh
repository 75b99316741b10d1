#!/usr/bin/env bash
# RabbitMQ 3.10.8: when a quorum queue is deleted and at once declared again, a consumer of the old queue often gets no `basic.cancel`. The
# broker counts it as a consumer of the new queue (`consumerCount` 1), hands it messages, and none of them arrives until its channel
# is closed. So a count of consumers says nothing about being heard. Client: amqplib 2.3.1.
# Needs a RabbitMQ: AMQP_URL=amqp://…
set -euo pipefail
[ -n "${AMQP_URL:-}" ] || { echo 'Skipped: AMQP_URL is not set.'; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund amqplib@2.3.1
cat > run.cjs <<'JS'
const amqp = require('amqplib');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
const ROUNDS = 12;
(async () => {
  let deaf = 0;
  let version = '';
  for (let round = 0; round < ROUNDS; round += 1) {
    const queue = `finding-${process.pid}-${round}`;
    const [consumer, operator] = await Promise.all([amqp.connect(process.env.AMQP_URL), amqp.connect(process.env.AMQP_URL)]);
    version = consumer.connection.serverProperties.version;
    const channel = await consumer.createChannel();
    await channel.assertQueue(queue, QUORUM);
    let cancelled = false;
    let heard = 0;
    await channel.consume(queue, (message) => {
      if (message === null) cancelled = true;
      else { heard += 1; channel.ack(message); }
    });
    await pause(100);
    const other = await operator.createConfirmChannel();
    await Promise.all([other.deleteQueue(queue), other.assertQueue(queue, QUORUM)]);
    other.sendToQueue(queue, Buffer.from('hello'));
    await other.waitForConfirms();
    await pause(1_000);
    const { consumerCount } = await other.checkQueue(queue);
    if (!cancelled && heard === 0 && consumerCount === 1) deaf += 1;
    await consumer.close();
    await other.deleteQueue(queue);
    await operator.close();
  }
  console.log(`RabbitMQ ${version}: in ${deaf > 0 ? 'some' : 'none'} of ${ROUNDS} rounds a counted consumer heard nothing (${deaf})`);
  process.exit(deaf > 0 ? 0 : 1);
})();
JS
echo "amqplib $(node -p "JSON.parse(require('fs').readFileSync('node_modules/amqplib/package.json', 'utf8')).version"), node $(node --version)"
node run.cjs && echo 'As described.' || { echo 'The behaviour has changed.'; exit 1; }
