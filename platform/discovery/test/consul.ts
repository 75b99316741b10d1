import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StandIn {
  readonly url: string;
  readonly requests: string[];
  /** Connections that are open, and the most there ever were at a time. */
  readonly connections: { open: number; most: number };
  /** Of questions that wait. */
  readonly held: ReadonlySet<unknown>;
  mode: 'healthy' | 'silent' | 'broken' | 'html' | 'no-index';
  /** The next index: a server that restarts without memory begins anew. */
  index: number;
  set(service: string, ports: readonly number[]): void;
  /** Ends all connections without a word, and everything it knew. */
  restart(): void;
  close(): Promise<void>;
}

interface Held {
  readonly service: string;
  readonly index: number;
  readonly response: ServerResponse;
}

/** The text of a community server for a question with a namespace. */
export const NO_NAMESPACES = 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature';

/**
 * Behaves as Consul 1.16.1 was seen to: a question is held as long as its index is not below the service's own, so also
 * one from before a restart; the node has a name that leads nowhere; there are no namespaces.
 */
export async function startStandIn(): Promise<StandIn> {
  const services = new Map<string, { ports: readonly number[]; index: number }>();
  const held = new Set<Held>();
  const sockets = new Set<import('node:net').Socket>();
  const indexOf = (service: string) => services.get(service)?.index ?? standIn.index;

  function send(response: ServerResponse, status: number, text: string, service?: string): void {
    const hasIndex = service !== undefined && standIn.mode !== 'no-index';
    response.writeHead(status, hasIndex ? { 'x-consul-index': String(indexOf(service)) } : {});
    response.end(text);
  }

  function respond(service: string, response: ServerResponse): void {
    const entries = (services.get(service)?.ports ?? []).map((port) => ({
      Node: { Node: 'srv1.nowhere.invalid', Address: '127.0.0.2', Datacenter: 'dc1' },
      // Every second service leaves its address to its node.
      Service: {
        ID: `${service}-${port}`,
        Address: port % 2 === 0 ? '' : '127.0.0.1',
        Port: port,
        Meta: null,
      },
    }));
    send(response, 200, JSON.stringify(entries), service);
  }

  const server = createServer((request, response) => {
    const target = new URL(request.url ?? '', 'http://x');
    standIn.requests.push(request.url ?? '');
    if (standIn.mode === 'silent') return;
    if (standIn.mode === 'broken') return send(response, 500, 'No cluster leader');
    if (standIn.mode === 'html') return send(response, 200, '<html>sign in</html>', 'x');
    if (target.searchParams.has('ns')) return send(response, 400, NO_NAMESPACES);
    const service = decodeURIComponent(target.pathname.split('/').at(-1) ?? '');
    const index = Number(target.searchParams.get('index') ?? 0);
    if (index === 0 || index < indexOf(service)) return respond(service, response);
    const waiting = { service, index, response };
    held.add(waiting);
    response.on('close', () => held.delete(waiting));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    const { connections } = standIn;
    connections.open += 1;
    connections.most = Math.max(connections.most, connections.open);
    socket.on('close', () => {
      sockets.delete(socket);
      connections.open -= 1;
    });
  });
  server.listen(0, '127.0.0.1');

  const standIn: StandIn = {
    url: '',
    requests: [],
    connections: { open: 0, most: 0 },
    held,
    mode: 'healthy',
    index: 81,
    set: (service, ports) => {
      standIn.index += 1;
      services.set(service, { ports, index: standIn.index });
      for (const one of held)
        if (one.service === service && one.index < standIn.index) respond(service, one.response);
    },
    restart: () => {
      services.clear();
      standIn.index = 11;
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
  await once(server, 'listening');
  return Object.assign(standIn, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
