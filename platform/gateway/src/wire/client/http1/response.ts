import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newTrace } from '@flotilla/telemetry';
import { isToken, isValue } from '../../rules/characters.ts';
import type { Fields } from '../../rules/fields.ts';
import { BAD_GATEWAY, refusalResponse } from '../../rules/refusal.ts';
import type { ClientResponse, ResponseHead } from '../../rules/response.ts';

/** What a response needs of its connection. */
export interface ResponseConnection {
  readonly socket: Socket;
  /** Will another request be read after this response? Asked once, when the head is written. */
  keepsAlive(): boolean;
  dateLine(): string;
  /** Says how long an idle connection is kept: a proxy must not use it in the moment in which it ends. */
  readonly keepAliveLine: string;
  /** A write was not taken at once: the client has to read. */
  writeStalled(): void;
  responseEnded(keepsAlive: boolean): void;
  /** Ends the connection at once; with a reset where a plain end would complete the response. */
  cut(how: 'end' | 'reset'): void;
  switchProtocols(): Duplex;
}

/** Up to here head and body are joined to one text; above, copying costs more than a second buffer. */
const JOINED_BYTES = 16_384;

/**
 * The response to one request. A class, since one is made for every request and its methods should not be. What is
 * written within one turn of the event loop leaves in one piece.
 */
export class Http1Response implements ClientResponse {
  state: ClientResponse['state'] = 'open';
  status: number = 0;
  bytesSent: number = 0;
  onClose: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  readonly #connection: ResponseConnection;
  readonly #isHead: boolean;
  readonly #version: '1.0' | '1.1';
  #framing: 'none' | 'length' | 'chunked' | 'close' = 'none';
  #left: number = 0;
  #keepsAlive: boolean = false;
  #mustClose: boolean = false;
  #out: string = '';
  #isFlushing: boolean = false;
  #isBlocked: boolean = false;
  #isClosed: boolean = false;

  constructor(connection: ResponseConnection, isHead: boolean, version: '1.0' | '1.1') {
    this.#connection = connection;
    this.#isHead = isHead;
    this.#version = version;
  }

  start(head: ResponseHead): void {
    if (this.state !== 'open' || !this.#begin(head, head.bodyBytes)) return;
    this.state = 'started';
    this.#flushLater();
  }

  write(chunk: Buffer): boolean {
    if (this.state !== 'started' || chunk.length === 0) return !this.#isBlocked;
    switch (this.#framing) {
      case 'none':
        return true;
      case 'length':
        if (chunk.length > this.#left) {
          this.abort(); // it would be read as the next response
          return true;
        }
        this.#left -= chunk.length;
        this.#put('', chunk, '');
        break;
      case 'chunked':
        this.#put(`${chunk.length.toString(16)}\r\n`, chunk, '\r\n');
        break;
      case 'close':
        this.#put('', chunk, '');
    }
    this.bytesSent += chunk.length;
    return !this.#isBlocked;
  }

  end(_trailers?: Fields): void {
    if (this.state !== 'started') return;
    if (this.#framing === 'length' && this.#left > 0) {
      this.abort();
      return;
    }
    if (this.#framing === 'chunked') this.#out += '0\r\n\r\n';
    this.#finish();
  }

  send(head: ResponseHead, body: Buffer | string): void {
    if (this.state !== 'open') return;
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const announced = bytes === 0 && this.#isHead ? (head.bodyBytes ?? 0) : bytes;
    if (!this.#begin(head, announced)) return;
    this.state = 'started';
    if (this.#framing !== 'none' && bytes > 0) {
      this.bytesSent = bytes;
      this.#left = 0;
      // Text of one byte a character is sent as it is; other text has to be encoded.
      if (typeof body === 'string' && bytes === body.length && bytes <= JOINED_BYTES) this.#out += body;
      else this.#put('', typeof body === 'string' ? Buffer.from(body) : body, '');
    }
    this.#finish();
  }

  abort(): void {
    if (this.state === 'ended' || this.state === 'gone') return;
    this.state = 'gone';
    this.#connection.cut(this.#framing === 'close' ? 'reset' : 'end');
  }

  closeAfter(): void {
    this.#mustClose = true;
  }

  switchProtocols(head: ResponseHead): Duplex {
    const text =
      this.state === 'open'
        ? writeHead(head, '', 'Connection: Upgrade\r\nUpgrade: websocket\r\n', this.#connection.dateLine())
        : undefined;
    if (text === undefined) {
      this.abort();
      return this.#connection.switchProtocols();
    }
    this.status = head.status;
    this.state = 'started';
    this.#connection.socket.write(text, 'latin1');
    return this.#connection.switchProtocols();
  }

  /** What was written has gone out. */
  drained(): void {
    this.#isBlocked = false;
    this.onDrain?.();
  }

  /** The connection is closed. */
  closed(): void {
    if (this.state !== 'ended') this.state = 'gone';
    this.#announceEnd();
  }

  flush(): void {
    this.#isFlushing = false;
    this.#write();
  }

  /** Prepares head and framing; `false` = it is no head that may be sent, and the client has been told so. */
  #begin(head: ResponseHead, bodyBytes: number | undefined): boolean {
    const { status } = head;
    const hasBody = !(this.#isHead || status === 204 || status === 304 || status < 200);
    const isCloseDelimited = hasBody && bodyBytes === undefined && this.#version === '1.0';
    const keepsAlive = !this.#mustClose && !isCloseDelimited && this.#connection.keepsAlive();
    const keptLine = keepsAlive ? this.#connection.keepAliveLine : '';
    const framingLine = keptLine + this.#frame(status, hasBody, bodyBytes);
    const text = writeHead(head, framingLine, this.#connectionLine(keepsAlive), this.#connection.dateLine());
    if (text === undefined) {
      this.#refuseOwn();
      return false;
    }
    this.status = status;
    this.#keepsAlive = keepsAlive;
    this.#out = text;
    return true;
  }

  #frame(status: number, hasBody: boolean, bodyBytes: number | undefined): string {
    if (!hasBody) {
      this.#framing = 'none';
      // The length that a GET would have been answered with. 204 has none, and 304 seldom tells it.
      const tells = bodyBytes !== undefined && status >= 200 && status !== 204;
      return tells && (status !== 304 || bodyBytes > 0) ? `Content-Length: ${bodyBytes}\r\n` : '';
    }
    if (bodyBytes !== undefined) {
      this.#framing = 'length';
      this.#left = bodyBytes;
      return `Content-Length: ${bodyBytes}\r\n`;
    }
    this.#framing = this.#version === '1.0' ? 'close' : 'chunked';
    return this.#framing === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '';
  }

  #connectionLine(keepsAlive: boolean): string {
    if (!keepsAlive) return 'Connection: close\r\n';
    return this.#version === '1.0' ? 'Connection: keep-alive\r\n' : '';
  }

  /** A back end's or the gateway's own field that may not be written. */
  #refuseOwn(): void {
    const { head, body } = refusalResponse(BAD_GATEWAY, newTrace().traceId, 'problem');
    this.send(head, body);
  }

  #put(before: string, chunk: Buffer, behind: string): void {
    if (chunk.length + this.#out.length <= JOINED_BYTES) {
      this.#out += before + chunk.toString('latin1') + behind;
      this.#flushLater();
      return;
    }
    const { socket } = this.#connection;
    socket.cork();
    this.#out += before;
    this.#write();
    if (!socket.write(chunk)) this.#blocked();
    this.#out = behind;
    this.#write();
    socket.uncork();
  }

  #write(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    if (this.state === 'gone') return;
    if (!this.#connection.socket.write(text, 'latin1')) this.#blocked();
  }

  #blocked(): void {
    this.#isBlocked = true;
    this.#connection.writeStalled();
  }

  #flushLater(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(flush, this);
  }

  #finish(): void {
    this.#write();
    this.state = 'ended';
    this.#announceEnd();
    this.#connection.responseEnded(this.#keepsAlive && !this.#mustClose);
  }

  #announceEnd(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClose?.();
  }
}

function flush(answer: Http1Response): void {
  answer.flush();
}

/**
 * The head of a response as it goes out, `undefined` when it would not be one: a name that is no token, or a line
 * break or another control character in a value. `connectionLine` comes with its line end, or is empty.
 */
function writeHead(
  { status, reason, fields: { names, values } }: ResponseHead,
  framingLine: string,
  connectionLine: string,
  dateLine: string,
): string | undefined {
  if (!(status >= 100 && status <= 999) || !isValue(reason)) return undefined;
  let text = `HTTP/1.1 ${status} ${reason === '' ? (STATUS_CODES[status] ?? '') : reason}\r\n`;
  let hasDate = false;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    const value = values[index];
    if (name === undefined || value === undefined) continue;
    if (!isToken(name.text) || !isValue(value)) return undefined;
    if (name.lower === 'date') hasDate = true;
    text += `${name.text}: ${value}\r\n`;
  }
  return `${text}${hasDate ? '' : dateLine}${framingLine}${connectionLine}\r\n`;
}
