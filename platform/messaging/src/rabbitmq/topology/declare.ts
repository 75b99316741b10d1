import type { Channel, ChannelModel } from 'amqplib';
import { declarationError } from './drift.ts';
import type { Topology } from './topology.ts';

/** Runs `work` on a channel of its own: a refusal by the broker closes that one and nothing else. */
export async function onOwnChannel<T>(
  model: ChannelModel,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await model.createChannel();
  const closed = new Promise((resolve) => channel.once('close', resolve));
  // The refusal is also what the call in work rejects with.
  channel.on('error', () => undefined);
  try {
    return await work(channel);
  } finally {
    // The call to close it settles with the broker's answer only, which never comes when the connection breaks before.
    channel.close().catch(() => undefined);
    await closed;
  }
}

/**
 * Creates what is missing and checks what exists; may be repeated at any time. Rejects with
 * `MESSAGING_TOPOLOGY_DRIFT` when something exists with other arguments.
 */
export async function declareTopology(model: ChannelModel, topology: Topology): Promise<void> {
  try {
    await onOwnChannel(model, async (channel) => {
      // Written in one go and answered in order: hundreds of declarations cost about one round trip.
      await settleAll([
        ...topology.exchanges.map(({ name, type, arguments: given }) =>
          channel.assertExchange(name, type, { durable: true, arguments: given }),
        ),
        ...topology.queues.map(({ name, arguments: given }) =>
          channel.assertQueue(name, { durable: true, arguments: given }),
        ),
        ...topology.bindings.map(({ from, to, toKind, pattern }) =>
          toKind === 'queue' ? channel.bindQueue(to, from, pattern) : channel.bindExchange(to, from, pattern),
        ),
      ]);
    });
  } catch (error) {
    throw declarationError(error);
  }
}

/** Rejects with the first failure once all have ended: the others only repeat that the channel is closed. */
async function settleAll(calls: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find((call) => call.status === 'rejected');
  if (failed) throw failed.reason;
}
