import type { Duplex } from 'node:stream';
import type { Fields } from './fields.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** End-to-end fields only; framing and hop-by-hop fields are the connection's own business. */
  readonly fields: Fields;
  /** How many bytes of body follow; `undefined` = not known beforehand. */
  readonly bodyBytes: number | undefined;
}

/** The way back to the client, the same for HTTP/1.1, HTTP/1.0 and HTTP/2. */
export interface ClientResponse {
  /** `gone` = the client can no longer be told anything. */
  readonly state: 'open' | 'started' | 'ended' | 'gone';
  /** Of the head that was sent, 0 before. */
  readonly status: number;
  /** Body bytes handed to the connection. */
  readonly bytesSent: number;
  /** Called once when the response is complete or the client is gone (`state` says which). */
  onClose: (() => void) | undefined;
  /** Called when a `write` that returned `false` has gone out. */
  onDrain: (() => void) | undefined;
  /** Sends the head. A body that must not be there (HEAD, 204, 304) is dropped by the connection. */
  start(head: ResponseHead): void;
  /** `false` = write no more until `onDrain`. A client that takes nothing for 20 s is cut. */
  write(chunk: Buffer): boolean;
  /** Completes the response. Trailers reach HTTP/2 clients only. */
  end(trailers?: Fields): void;
  /** Head and whole body at once. */
  send(head: ResponseHead, body: Buffer | string): void;
  /** Ends the connection (or stream) so that the client can tell that the response is not complete. */
  abort(): void;
  /** After the response nothing more is read from this connection. */
  closeAfter(): void;
  /** Answers a WebSocket handshake with 101 and hands the connection over. */
  switchProtocols(head: ResponseHead): Duplex;
}
