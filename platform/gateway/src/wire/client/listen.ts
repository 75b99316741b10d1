import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { addressOwner } from '@flotilla/kernel/addresses';
import type { Timers } from '../../time/timers.ts';
import { type ArrivalLimits, type Arrivals, createArrivals, DEFAULT_ARRIVAL_LIMITS } from './arrivals.ts';
import { createContexts, type ServerCredentials } from './credentials.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly timers: Timers;
  accept(socket: Socket | TLSSocket): void;
  /** A connection was closed unread. For metrics and logs; `owner` is whom it counted for. */
  onTurnedAway?(reason: 'too-many' | 'too-many-of-address' | 'too-fast' | 'handshake', owner: string): void;
  readonly limits?: Partial<ArrivalLimits>;
  /** Does the address stand for many clients? Then only `maxConnections` holds for it. Default: none does. */
  isShared?(address: string): boolean;
}

export interface ListenTlsOptions extends ListenOptions {
  readonly tls: ServerCredentials;
  /** With authorities of clients: does whoever has no certificate of them get no connection at all? Default: whoever has none is served. */
  readonly requiresClientCertificate?: boolean;
  /** Takes the clients that choose HTTP/2; without it only HTTP/1.1 is offered. */
  readonly onHttp2?: (socket: TLSSocket) => void;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  connections(): number;
  /** Accepts no more; connections that are open stay so. */
  close(): void;
}

export interface ListeningTls extends Listening {
  /** For new connections from now on. Throws what `node:tls` throws, and keeps the old ones, when they are no good. */
  setCertificates(credentials: ServerCredentials): void;
}

const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_PROBE_MS = 60_000;
/** A response to the last byte of a request must not wait for more, and a response follows a half-closed request. */
const SOCKETS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
};

export function listenPlain(options: ListenOptions): Promise<Listening> {
  return listen(options, options.accept);
}

export async function listenTls(options: ListenTlsOptions): Promise<ListeningTls> {
  const { onHttp2, onTurnedAway, requiresClientCertificate = false } = options;
  let contexts = createContexts(options.tls);
  // It never listens: it is given the connections that are admitted, since the handshake costs more than the rest.
  const handshakes = createTlsServer({
    ...contexts.first,
    SNICallback: (name, found) => found(null, contexts.find(name)),
    requestCert: options.tls.clientCa !== undefined,
    rejectUnauthorized: requiresClientCertificate,
    handshakeTimeout: HANDSHAKE_MS,
    ALPNProtocols: onHttp2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
  });
  handshakes.on('tlsClientError', (_, socket) => {
    onTurnedAway?.('handshake', addressOwner(socket.remoteAddress ?? ''));
    socket.destroy();
  });
  handshakes.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'h2' && onHttp2 !== undefined) onHttp2(socket);
    else options.accept(socket);
  });
  const opened = await listen(options, (socket) => handshakes.emit('connection', socket));
  return {
    ...opened,
    setCertificates: (credentials) => {
      const next = createContexts(credentials);
      handshakes.setSecureContext(next.first);
      contexts = next;
    },
  };
}

async function listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<Listening> {
  const { host, port } = options;
  const server = createServer(SOCKETS);
  const arrivals = createArrivals({ ...DEFAULT_ARRIVAL_LIMITS, ...options.limits });
  const admit = admission(arrivals, options);
  server.on('connection', (socket) => {
    if (admit(socket)) accept(socket);
  });
  server.listen({ host, port, backlog: 2_048 });
  await once(server, 'listening');
  const address = server.address() as AddressInfo; // a TCP server that listens always has one
  return {
    host,
    port: address.port,
    connections: () => arrivals.open,
    close: () => {
      server.close();
    },
  };
}

/** Counts connections, and destroys those that are too many. */
function admission(arrivals: Arrivals, options: ListenOptions): (socket: Socket) => boolean {
  const { timers, onTurnedAway, isShared } = options;
  let secondStartedMs = timers.nowMs;
  return (socket) => {
    if (timers.nowMs - secondStartedMs >= 1_000) {
      secondStartedMs = timers.nowMs;
      arrivals.nextSecond();
    }
    const address = socket.remoteAddress;
    const refused = address === undefined ? undefined : arrivals.arrived(address, isShared?.(address));
    if (address !== undefined && refused === undefined) {
      socket.once('close', () => arrivals.left(address));
      return true;
    }
    socket.on('error', () => undefined); // no other listener is left
    socket.destroy();
    if (address !== undefined && refused !== undefined) onTurnedAway?.(refused, addressOwner(address));
    return false;
  };
}
