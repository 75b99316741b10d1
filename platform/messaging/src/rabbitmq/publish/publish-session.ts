import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { declareTopology } from '../topology/declare.ts';
import { topologyOfType } from '../topology/topology.ts';

/** A channel with publisher confirms, and what became of what was written to it. */
export interface Session {
  readonly model: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Why the broker closed it; undefined while it is open. */
  closedBy(): Error | undefined;
  /** Why the broker gave a message back. It says so before it confirms. Asking forgets it. */
  takeReturn(messageId: string): string | undefined;
  /** Makes sure that the exchange of a type exists; asks the broker once. */
  declare(type: string): Promise<void>;
  /** Closes it without waiting: the broker does not answer, and late confirms must not be taken for new ones. */
  abandon(): void;
}

export async function openSession(model: ChannelModel): Promise<Session> {
  const channel = await model.createConfirmChannel();
  const returns = new Map<string, string>();
  const declared = new Set<string>();
  let closedBy: Error | undefined;
  channel.on('error', (error) => {
    closedBy = error;
  });
  channel.on('close', () => {
    closedBy ??= new Error('the channel was closed');
  });
  channel.on('return', ({ fields, properties }) => {
    const id: unknown = properties.messageId;
    const reason = 'replyText' in fields ? String(fields.replyText) : 'returned';
    if (typeof id === 'string') returns.set(id, reason);
  });
  return {
    model,
    channel,
    closedBy: () => closedBy,
    takeReturn: (messageId) => {
      const reason = returns.get(messageId);
      returns.delete(messageId);
      return reason;
    },
    declare: async (type) => {
      if (declared.has(type)) return;
      await declareTopology(model, topologyOfType(type));
      declared.add(type);
    },
    abandon: () => {
      if (closedBy === undefined) channel.close().catch(() => undefined);
    },
  };
}
