import type { ConfirmChannel } from 'amqplib';

/** As durable as ours: a quorum queue. */
export async function declareQueue(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
}
