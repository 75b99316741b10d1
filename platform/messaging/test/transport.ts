import type { Delivery, ReceiveOptions, Settlement, Transport } from '../src/transport.ts';

/** A transport through which a test hands deliveries to a consumer itself, as often and as suspect as it likes. */
export interface TestTransport extends Transport {
  deliver(
    messages: readonly Pick<Delivery, 'type' | 'key' | 'body'>[],
    facts?: Partial<Delivery>,
  ): Promise<readonly Settlement[]>;
}

export function createTestTransport(): TestTransport {
  let handle: ReceiveOptions['handle'] | undefined;
  let lastId = 0;
  return {
    deliver: async (messages, facts = {}) => {
      if (!handle) throw new Error('nobody receives');
      const deliveries = messages.map(({ type, key, body }) => {
        lastId += 1;
        return { id: String(lastId), type, key, body, enqueuedAt: new Date(), suspect: false, ...facts };
      });
      return await handle(deliveries);
    },
    subscribe: async () => undefined,
    publish: async () => [],
    receive: (_queue, options) => {
      handle = options.handle;
      return { close: async () => undefined };
    },
    watch: () => ({ caughtUp: Promise.resolve(), close: async () => undefined }),
    ping: async () => undefined,
    close: async () => undefined,
  };
}
