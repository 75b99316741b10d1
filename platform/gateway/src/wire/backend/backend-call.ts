import type { Duplex } from 'node:stream';
import type { FieldName, Fields } from '../rules/fields.ts';
import type { Refusal } from '../rules/refusal.ts';
import type { Method, RequestBody } from '../rules/request.ts';
import type { ResponseHead } from '../rules/response.ts';
import type { TlsFiles } from './tls-files.ts';

/** Where a back end listens, and how it is spoken to. Equal keys share connections. */
export interface Origin {
  readonly key: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** `2-or-lower`: what each connection agrees on in its TLS handshake. */
  readonly protocol: '1.1' | '2' | '2-or-lower';
  readonly verifyCertificate: boolean;
  /** The host was not chosen by the operator: names that resolve to addresses of the machine's own are refused. */
  readonly checksAddress?: boolean;
  /** PEM of authorities to trust instead of the system's, and of the gateway's own certificate. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    /** The same as files, which may be exchanged. */
    readonly files?: TlsFiles;
  };
  readonly connectTimeoutMs: number;
  /** Simultaneous exchanges; further ones wait. `Infinity` = no limit. */
  readonly maxConnections: number;
  readonly connectionLifetimeMs: number;
}

export interface BackendRequest {
  readonly method: Method | (string & {});
  /** Origin-form: path and query. */
  readonly target: string;
  /** The Host field (or `:authority`). */
  readonly authority: string;
  /** Everything but Host and framing. */
  readonly fields: Fields;
  /** A stream, bytes at hand, or nothing. */
  readonly body: RequestBody | Buffer | undefined;
  readonly maxBodyBytes: number;
  /** So long may nothing come of a response that has begun; `Infinity` = no limit. */
  readonly silenceMs: number;
  /** Asks for a WebSocket: `sink.switched` instead of `sink.head` when the back end agrees. */
  readonly upgrade: boolean;
  /** A field that the response must repeat if it has it at all: what tells this response from another request's. */
  readonly requestId: { readonly name: FieldName; readonly value: string } | undefined;
}

/** What comes back. Nothing is called after `end`, `error` or `switched`, nor after `abort`. */
export interface ResponseSink {
  /** The final response's head; interim ones are swallowed. */
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  end(trailers: Fields | undefined): void;
  error(failure: BackendFailure): void;
  /** 101: the connection is the caller's. `early` are bytes that came with the head. */
  switched(head: ResponseHead, socket: Duplex, early: Buffer): void;
}

export interface BackendFailure {
  /**
   * `not-sent`: no connection, nothing of the request left. `unanswered`: (partly) sent, no byte of a response.
   * `broken`: a response began, or what came was no response to this request.
   */
  readonly progress: 'not-sent' | 'unanswered' | 'broken';
  readonly reason:
    | 'refused'
    | 'connect-timeout'
    | 'untrusted'
    | 'other-protocol'
    | 'closed'
    | 'malformed'
    | 'head-too-large'
    | 'idle'
    | 'foreign-answer'
    | 'request-body'
    | 'reset';
  readonly cause?: Error;
  /** With `request-body`: what the client should be told; none when it is gone. */
  readonly refusal?: Refusal;
}

/** One exchange with a back end. */
export interface BackendCall {
  /** Stop and go on reading the response's body. */
  pause(): void;
  resume(): void;
  /** Ends the exchange: the connection is destroyed unless the exchange is complete. */
  abort(): void;
}

/** Connections to back ends of all kinds. */
export interface BackendClient {
  send(origin: Origin, request: BackendRequest, sink: ResponseSink): BackendCall;
  /** Exchanges in flight and idle connections by origin, for the admin API. */
  stats(): readonly {
    readonly key: string;
    readonly inFlight: number;
    readonly idle: number;
    readonly waiting: number;
  }[];
  /** Closes idle connections and those in flight. */
  close(): Promise<void>;
}
