import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

/** A network between a client and the broker that a test can break. */
export interface TcpProxy {
  readonly url: string;
  /** Breaks every connection, without a word of farewell. */
  cut(): void;
  /** Lets no byte through in either direction, but keeps connections open, until `flow`. */
  stall(): void;
  flow(): void;
  /** Refuses new connections until `accept`. */
  refuse(): Promise<void>;
  accept(): void;
  connections(): number;
  close(): Promise<void>;
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let stalled = false;
  /** It keeps its port: else another process of the machine might get it meanwhile. */
  let refuses = false;
  const server = createServer((client) => {
    if (refuses) return void client.resetAndDestroy();
    const upstream = dial(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      if (stalled) from.pause();
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = new URL(targetUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' ? address?.port : '');

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  async function refuse(): Promise<void> {
    refuses = true;
    const closed = [...sockets].map((socket) => once(socket, 'close'));
    cut();
    await Promise.all(closed);
  }

  return {
    url: url.href,
    cut,
    stall: () => {
      stalled = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    flow: () => {
      stalled = false;
      cut();
    },
    refuse,
    accept: () => {
      refuses = false;
    },
    connections: () => sockets.size / 2,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
