import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What must be remembered about a connection from one request to the next. */
export interface ClientConnections {
  /** `false` when a refusal ended the connection: whatever came behind it is not a request any more. */
  accept(socket: Duplex, response: ServerResponse): boolean;
  /** Nothing that follows on this connection is executed. */
  distrust(socket: Duplex): void;
  /** Is an answer under way? */
  isAnswering(socket: Duplex): boolean;
}

export function createClientConnections(): ClientConnections {
  const answering = new WeakMap<Duplex, number>();
  const distrusted = new WeakSet<Duplex>();
  const add = (socket: Duplex, by: number) => answering.set(socket, (answering.get(socket) ?? 0) + by);
  return {
    accept: (socket, response) => {
      if (distrusted.has(socket)) return false;
      add(socket, 1);
      response.once('close', () => add(socket, -1));
      return true;
    },
    distrust: (socket) => distrusted.add(socket),
    isAnswering: (socket) => (answering.get(socket) ?? 0) > 0,
  };
}
