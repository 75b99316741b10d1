import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { toError } from '@flotilla/kernel';
import type { Timer, Timers } from '../../../time/timers.ts';
import { type Fields, hasField } from '../../rules/fields.ts';
import { giveUp } from '../../rules/http2/streams.ts';
import { appendToWire } from '../../rules/http2/wire-fields.ts';
import type { ClientResponse, ResponseHead } from '../../rules/response.ts';

export interface Http2ResponseOptions {
  readonly stream: ServerHttp2Stream;
  readonly isHead: boolean;
  readonly timers: Timers;
  /** A client that takes nothing is cut after this. */
  readonly writeStallMs: number;
  /** The whole response was handed over, and nothing follows. */
  onSent(): void;
}

/** The response on one stream. */
export class Http2Response implements ClientResponse {
  state: ClientResponse['state'] = 'open';
  status: number = 0;
  bytesSent: number = 0;
  onClose: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  readonly #options: Http2ResponseOptions;
  readonly #stream: ServerHttp2Stream;
  /** A head waits for what follows in the same turn: only so a response without body can be one frame. */
  #held: ResponseHead | undefined;
  #trailers: Fields | undefined;
  #hasBody: boolean = true;
  #isFinished: boolean = false;
  #waitsForTrailers: boolean = false;
  #stall: Timer | undefined;

  constructor(options: Http2ResponseOptions) {
    const { stream, onSent } = options;
    this.#options = options;
    this.#stream = stream;
    stream.on('drain', () => this.#drained());
    stream.on('finish', () => {
      if (!this.#waitsForTrailers) onSent();
    });
    stream.on('wantTrailers', () => this.#sendTrailers());
  }

  start(head: ResponseHead): void {
    if (this.state !== 'open') return;
    this.#begin(head);
    this.#held = head;
    setImmediate(() => this.#release());
  }

  write(chunk: Buffer): boolean {
    if (this.state !== 'started') return true;
    this.#release();
    const stream = this.#stream;
    if (!this.#hasBody || stream.destroyed) return true;
    this.bytesSent += chunk.length;
    if (stream.write(chunk)) return true;
    const { timers, writeStallMs } = this.#options;
    this.#stall ??= timers.after(writeStallMs, () => giveUp(stream));
    return false;
  }

  end(trailers?: Fields): void {
    if (this.state !== 'started') return;
    this.#trailers = trailers;
    this.state = 'ended';
    if (this.#held !== undefined && trailers === undefined) this.#respond(this.#held, true);
    else {
      this.#release();
      this.#stream.end();
    }
    this.#held = undefined;
    this.#isFinished = true;
  }

  send(head: ResponseHead, body: Buffer | string): void {
    if (this.state !== 'open') return;
    this.#begin(head);
    this.state = 'ended';
    const isEmpty = !this.#hasBody || body.length === 0;
    if (!this.#respond(head, isEmpty)) return;
    this.#isFinished = true;
    if (isEmpty) return;
    this.bytesSent = Buffer.byteLength(body);
    this.#stream.end(body);
  }

  abort(): void {
    this.#held = undefined;
    this.#stream.destroy(new Error('the response was aborted'));
  }

  /** Streams are delimited beyond doubt: one says nothing about the others. */
  closeAfter(): void {}

  switchProtocols(): Duplex {
    throw new TypeError('HTTP/2 streams are not handed over');
  }

  /** The stream is gone. */
  closed(): void {
    this.#stall?.cancel();
    this.#held = undefined;
    if (!this.#isFinished || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.state = 'gone';
    const { onClose } = this;
    this.onClose = undefined;
    onClose?.();
  }

  #drained(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
    this.onDrain?.();
  }

  #begin({ status }: ResponseHead): void {
    this.state = 'started';
    this.status = status;
    this.#hasBody = !this.#options.isHead && status !== 204 && status !== 304;
  }

  #release(): void {
    const head = this.#held;
    if (head === undefined) return;
    this.#held = undefined;
    this.#respond(head, false);
  }

  /** `false` = the head cannot be sent, and the stream is reset. */
  #respond(head: ResponseHead, isEmpty: boolean): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return false;
    // HTTP/1.1 clients get whatever the file says, as from Ocelot; here it is no status at all.
    const raw = [':status', String(head.status > 599 ? 429 : head.status)];
    const isSafe = appendToWire(raw, head.fields);
    if (head.bodyBytes !== undefined && head.status !== 204)
      raw.push('content-length', String(head.bodyBytes));
    if (!hasField(head.fields, 'date')) raw.push('date', new Date().toUTCString());
    if (!isSafe) {
      this.abort();
      return false;
    }
    // A response of known length has no trailers.
    this.#waitsForTrailers = this.#hasBody && !isEmpty && head.bodyBytes === undefined;
    try {
      stream.respond(raw, {
        endStream: isEmpty || !this.#hasBody,
        waitForTrailers: this.#waitsForTrailers,
      });
      return true;
    } catch (error) {
      stream.destroy(toError(error));
      return false;
    }
  }

  #sendTrailers(): void {
    const raw: string[] = [];
    if (this.#trailers !== undefined && !appendToWire(raw, this.#trailers)) {
      this.abort();
      return;
    }
    const fields: Record<string, string | string[]> = Object.create(null);
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index] ?? '';
      const known = fields[name];
      const value = raw[index + 1] ?? '';
      fields[name] = known === undefined ? value : [known, value].flat();
    }
    this.#stream.sendTrailers(fields);
    this.#options.onSent();
  }
}
