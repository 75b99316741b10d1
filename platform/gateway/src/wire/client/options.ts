import type { Timers } from '../../time/timers.ts';
import type { Refusal } from '../rules/refusal.ts';
import type { Incoming } from './incoming.ts';

/** How long a client may take, and how much it may send for nothing. */
export interface ClientLimits {
  /** From the start of a connection to its first byte. Default 10,000. */
  readonly firstByteMs: number;
  /** From a head's first byte to its last. Default 10,000. */
  readonly headMs: number;
  /** Between a response and the next request. Balancers keep theirs for 60 s, or as long as `Keep-Alive` says. Default 90,000. */
  readonly idleMs: number;
  /** Without a byte of a body that is wanted. Default 10,000. */
  readonly bodyStallMs: number;
  /** Of a body on average, after `bodyGraceMs`; time in which it is not wanted does not count. Default 1,024. */
  readonly bodyBytesPerSecond: number;
  /** Default 5,000. */
  readonly bodyGraceMs: number;
  /** Without taking anything of a response. Default 20,000. */
  readonly writeStallMs: number;
  /** After the last response, for the client to read it before the connection is destroyed. Default 2,000. */
  readonly lingerMs: number;
  /** For the response to a client that has closed its sending side: nearly all of them are gone. Default 1,000. */
  readonly halfCloseMs: number;
  /**
   * Request line, fields and the empty line together; of HTTP/2 the same fields, counted as HTTP/1.1 would write them.
   * Default 32 KiB, as Kestrel under Ocelot.
   */
  readonly maxHeadBytes: number;
  /** Field lines. Default 100. */
  readonly maxFields: number;
  /** Methods beyond the usual ones that are read. Default none. */
  readonly extraMethods: ReadonlySet<string>;
  /** Of an unwanted body, before the connection is given up instead. Default 1 MiB. */
  readonly discardBytes: number;
  /** Of what a client sends before it was asked: bodies and further requests. Default 64 KiB. */
  readonly heldBytes: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  firstByteMs: 10_000,
  headMs: 10_000,
  idleMs: 90_000,
  bodyStallMs: 10_000,
  bodyBytesPerSecond: 1_024,
  bodyGraceMs: 5_000,
  writeStallMs: 20_000,
  maxHeadBytes: 32_768,
  maxFields: 100,
  extraMethods: new Set(),
  lingerMs: 2_000,
  halfCloseMs: 1_000,
  discardBytes: 1_048_576,
  heldBytes: 65_536,
};

/** What listening for requests takes, in either version. */
export interface ListenerOptions {
  readonly timers: Timers;
  onRequest(incoming: Incoming): void;
  /** A request was answered without the pipeline. For logs and metrics. */
  onRefused(refusal: Refusal, from: { readonly peerAddress: string; readonly traceId: string }): void;
  /** `onRequest` threw. The client gets a 500, or a cut connection (or stream) when a response had begun. */
  onFault(error: unknown): void;
  /** Of refusals that are answered here: `empty` is `--ocelot-strict`. Default `problem`. */
  readonly errorBodies?: 'problem' | 'empty';
}

export interface Http1Options extends ListenerOptions {
  /** Asked for each connection. */
  readonly limits?: () => Partial<ClientLimits>;
}

export interface Http2Options extends ListenerOptions {
  /** Asked for each connection. */
  readonly limits?: () => Partial<Http2Limits>;
}

/** The others are not needed: flow control holds back what is not wanted. */
export interface Http2Limits
  extends Pick<
    ClientLimits,
    | 'idleMs'
    | 'bodyStallMs'
    | 'bodyBytesPerSecond'
    | 'bodyGraceMs'
    | 'writeStallMs'
    | 'maxHeadBytes'
    | 'maxFields'
    | 'extraMethods'
  > {
  /** A call of gRPC whose client sends no message for so long is ended. `Infinity` = no limit. Default 3,600,000. */
  readonly streamSilenceMs: number;
  /** Streams of one session at the same time. Default 100. */
  readonly maxStreams: number;
  /** Streams that a client may take back within ten seconds while they are more than those it lets end. Default 200. */
  readonly maxResets: number;
  /** Of a body, before it was read. Default 4 MiB: at a round trip of 50 ms an upload is as fast as over HTTP/1.1, less 7 %; with 1 MiB half as fast. */
  readonly streamWindowBytes: number;
  /** Of all bodies of a session together, and so what a connection can cost while back ends do not read. Default 8 MiB. */
  readonly connectionWindowBytes: number;
}

export const DEFAULT_HTTP2_LIMITS: Http2Limits = {
  streamSilenceMs: 3_600_000,
  maxStreams: 100,
  maxResets: 200,
  streamWindowBytes: 4_194_304,
  connectionWindowBytes: 8_388_608,
  idleMs: DEFAULT_LIMITS.idleMs,
  bodyStallMs: DEFAULT_LIMITS.bodyStallMs,
  bodyBytesPerSecond: DEFAULT_LIMITS.bodyBytesPerSecond,
  bodyGraceMs: DEFAULT_LIMITS.bodyGraceMs,
  writeStallMs: DEFAULT_LIMITS.writeStallMs,
  maxHeadBytes: DEFAULT_LIMITS.maxHeadBytes,
  maxFields: DEFAULT_LIMITS.maxFields,
  extraMethods: DEFAULT_LIMITS.extraMethods,
};
