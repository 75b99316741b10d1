import type { Fields } from './fields.ts';
import type { Refusal } from './refusal.ts';
import type { Target } from './target.ts';

/** The one reading of a request: every decision and every byte that goes to a back end comes from it. */
export interface RequestHead {
  readonly method: Method | (string & {});
  readonly version: '1.0' | '1.1' | '2.0';
  readonly target: Target;
  /** Validated authority: `host[:port]`, as sent. */
  readonly host: string;
  /** All fields as received, hop-by-hop ones too. */
  readonly fields: Fields;
  /** Names that `Connection` lists, lower case; they and the hop-by-hop fields are not for a back end. */
  readonly connectionNames: readonly string[];
  readonly framing: BodyFraming;
  /** Is it a WebSocket handshake (RFC 6455 §4.2.1)? `invalid` = it wants to be one and is not. */
  readonly handshake: 'none' | 'websocket' | 'invalid';
}

/** The methods there are; every other one is refused before routing unless some route names it. */
export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof METHODS)[number];

const KNOWN: ReadonlySet<string> = new Set(METHODS);
export const isMethod = (text: string): text is Method => KNOWN.has(text);

/** Never, whatever a route says: the one makes a tunnel of the gateway, the other tells secrets. */
const NEVER: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

export const isExtraMethod = (text: string): boolean =>
  /^[A-Z-]{2,20}$/.test(text) && !KNOWN.has(text) && !NEVER.has(text);

/** RFC 9110 §9.2.2: doing it twice is doing it once. */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

/** A body on its way in. It is read at most once, and nothing of it is held beyond what the socket delivered. */
export interface RequestBody {
  readonly framing: BodyFraming;
  /** `broken` = the client went away, stalled, sent too much or something malformed. */
  readonly state: 'unread' | 'reading' | 'complete' | 'broken';
  /** When bytes of it were passed on last, monotonic; 0 = not yet, or it is at hand. */
  readonly lastByteAtMs: number;
  /**
   * Delivers the body, never within this call. A client that waits for `100 Continue` gets it first. Throws if
   * `state` is not `unread`.
   */
  read(sink: BodySink, maxBytes: number): void;
  pause(): void;
  resume(): void;
  /** (The rest of) it is not wanted: it is read and dropped, or the connection closed after the response. */
  discard(): void;
}

export interface BodySink {
  data(chunk: Buffer): void;
  end(): void;
  /** Nothing follows. The refusal is what the client should be told: 413, 400, 408; `undefined` when it is gone. */
  error(refusal: Refusal | undefined): void;
}
