import type { OutgoingMessage, Transport } from '../src/transport.ts';

export interface FakeTransport {
  readonly transport: Transport;
  /** What it took, in order. */
  readonly published: OutgoingMessage[];
  readonly state: { down: boolean; refuse: (message: OutgoingMessage) => string | undefined };
}

/** A transport for tests of the relay: takes what it is given, unless told otherwise. */
export function createFakeTransport(): FakeTransport {
  const published: OutgoingMessage[] = [];
  const state = { down: false, refuse: (_message: OutgoingMessage): string | undefined => undefined };
  const unused = () => {
    throw new Error('a relay only publishes');
  };
  const transport: Transport = {
    publish: async (messages) => {
      if (state.down) throw new Error('the transport is down');
      const refused = messages.flatMap((message) => {
        const reason = state.refuse(message);
        return reason === undefined ? [] : [{ id: message.id, reason }];
      });
      const ids = new Set(refused.map(({ id }) => id));
      published.push(...messages.filter((message) => !ids.has(message.id)));
      return refused;
    },
    subscribe: unused,
    receive: unused,
    watch: unused,
    ping: unused,
    close: async () => undefined,
  };
  return { transport, published, state };
}

/** What was published for a key, in order. */
export function numbers(messages: readonly OutgoingMessage[], key: string): number[] {
  return messages
    .filter((message) => message.key === key)
    .map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n);
}
