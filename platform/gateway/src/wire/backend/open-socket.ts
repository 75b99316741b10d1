import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { toError } from '@flotilla/kernel';
import type { Timers } from '../../time/timers.ts';
import type { BackendFailure, Origin } from './backend-call.ts';
import { createCheckedLookup } from './checked-lookup.ts';
import { createFileContext } from './tls-files.ts';

export interface OpeningOptions {
  readonly origin: Origin;
  readonly timers: Timers;
  /** Of `createTlsMemory`, kept as long as the origin's connections. */
  readonly tls: TlsMemory;
  /** The versions of HTTP that TLS may agree on. */
  readonly offers: readonly ('h2' | 'http/1.1')[];
  /** Bytes go there instead of to `data` events. */
  readonly inlet?: Inlet;
}

/** Where the bytes of a socket go. Its new owner may replace the receiver that opened it. */
export interface Inlet {
  readonly buffer: Buffer;
  /** So many bytes are in the buffer; `false` = read no more for now. */
  receive(count: number): boolean;
}

/** What the connections to one origin share: the parsed certificates and the last session. */
export interface TlsMemory {
  context: (() => SecureContext) | undefined;
  usedContext: SecureContext | undefined;
  session: Buffer | undefined;
}

export type Opened = (failure: BackendFailure | undefined, socket: Socket) => void;

const KEEP_ALIVE_PROBE_MS = 60_000;

export function createTlsMemory(): TlsMemory {
  return { context: undefined, usedContext: undefined, session: undefined };
}

/**
 * Connects, and with TLS completes the handshake and checks the certificate, before `opened` is called, once,
 * never within this call. Destroying the socket ends the attempt.
 */
export function openSocket(options: OpeningOptions, opened: Opened): Socket | undefined {
  const { origin, timers } = options;
  let socket: Socket;
  try {
    socket = origin.secure ? secureSocket(options) : plainSocket(options);
  } catch (error) {
    const failure: BackendFailure = { progress: 'not-sent', reason: 'untrusted', cause: toError(error) };
    // Unreadable certificates: there is no socket to hand over.
    process.nextTick(opened, failure, undefined);
    return undefined;
  }
  const finish = (failure: BackendFailure | undefined) => {
    timer.cancel();
    socket.off('error', onError).off('close', onClose).off(ready, onReady);
    if (failure !== undefined) {
      socket.on('error', ignore);
      socket.destroy();
    }
    opened(failure, socket);
  };
  const fail = (reason: BackendFailure['reason'], cause?: Error) =>
    finish({ progress: 'not-sent', reason, ...(cause && { cause }) });
  let connected = false;
  const onError = (error: Error) => fail(reasonOf(error, connected && origin.secure), error);
  const onClose = () => fail('closed');
  const onReady = () => finish(undefined);
  const ready = origin.secure ? 'secureConnect' : 'connect';
  const timer = timers.after(origin.connectTimeoutMs, () => fail('connect-timeout'));
  if (origin.secure)
    socket.once('connect', () => {
      connected = true;
    });
  socket.on('error', onError).on('close', onClose).on(ready, onReady);
  return socket;
}

function ignore(): void {}

function plainSocket({ origin, inlet }: OpeningOptions): Socket {
  return connectPlain({ ...socketOptions(origin), ...(inlet && { onread: onreadOf(inlet) }) });
}

function onreadOf(inlet: Inlet): OnReadOpts {
  return { buffer: inlet.buffer, callback: (count) => inlet.receive(count) };
}

function secureSocket({ origin, tls, offers, inlet, timers }: OpeningOptions): TLSSocket {
  const { serverName, files } = origin.tls ?? {};
  tls.context ??= contextOf(origin, timers);
  const secureContext = tls.context();
  // A session of other certificates would go on without showing the new ones.
  if (secureContext !== tls.usedContext) tls.session = undefined;
  tls.usedContext = secureContext;
  const name = serverName ?? files?.serverName ?? (isIP(origin.host) === 0 ? origin.host : undefined);
  const socket = connectTls({
    ...socketOptions(origin),
    ...(name !== undefined && { servername: name }),
    ...(tls.session && { session: tls.session }),
    ...(inlet && { onread: onreadOf(inlet) }),
    secureContext,
    rejectUnauthorized: origin.verifyCertificate,
    ALPNProtocols: offers,
  });
  socket.on('session', (session) => {
    tls.session = session;
  });
  return socket;
}

function contextOf({ tls = {} }: Origin, timers: Timers): () => SecureContext {
  const { ca, cert, key, files } = tls;
  if (files !== undefined) return createFileContext(files, () => timers.nowMs);
  const context = createSecureContext({ ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
  return () => context;
}

const checkedLookup = createCheckedLookup();

function socketOptions({ host, port, checksAddress }: Origin) {
  return {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    ...(checksAddress && { lookup: checkedLookup }),
  };
}

/** Has TLS agreed on it? */
export function isHttp2(socket: Socket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
}

const NO_COMMON_PROTOCOL = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';

/** Errors after TCP stood are about the handshake, unless the connection just broke. */
function reasonOf(error: Error & { code?: string }, inHandshake: boolean): BackendFailure['reason'] {
  if (!inHandshake) return 'refused';
  if (error.code === NO_COMMON_PROTOCOL) return 'other-protocol';
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'closed' : 'untrusted';
}
