import { constants, type ServerHttp2Stream } from 'node:http2';
import { toError } from '@flotilla/kernel';
import type { Timer, Timers } from '../../../time/timers.ts';
import { type Fields, hasField } from '../../rules/fields.ts';
import { giveUp } from '../../rules/http2/give-up.ts';
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

export interface Http2Response extends ClientResponse {
  /** The stream is gone. */
  closed(): void;
}

/** The response on one stream. */
export function createHttp2Response(options: Http2ResponseOptions): Http2Response {
  const { stream, isHead, timers, writeStallMs, onSent } = options;
  /** A head waits for what follows in the same turn: only so a response without body can be one frame. */
  let held: ResponseHead | undefined;
  let trailers: Fields | undefined;
  let hasBody = true;
  let isFinished = false;
  let waitForTrailers = false;
  let stall: Timer | undefined;

  const answer: Http2Response & {
    state: ClientResponse['state'];
    status: number;
    bytesSent: number;
  } = {
    state: 'open',
    status: 0,
    bytesSent: 0,
    onClose: undefined,
    onDrain: undefined,
    start: (head) => {
      if (answer.state !== 'open') return;
      begin(head);
      held = head;
      setImmediate(release);
    },
    write: (chunk) => {
      if (answer.state !== 'started') return true;
      release();
      if (!hasBody || stream.destroyed) return true;
      answer.bytesSent += chunk.length;
      if (stream.write(chunk)) return true;
      stall ??= timers.after(writeStallMs, () => giveUp(stream));
      return false;
    },
    end: (given) => {
      if (answer.state !== 'started') return;
      trailers = given;
      answer.state = 'ended';
      if (held !== undefined && given === undefined) respond(held, true);
      else {
        release();
        stream.end();
      }
      held = undefined;
      isFinished = true;
    },
    send: (head, body) => {
      if (answer.state !== 'open') return;
      begin(head);
      answer.state = 'ended';
      const isEmpty = !hasBody || body.length === 0;
      if (!respond(head, isEmpty)) return;
      isFinished = true;
      if (isEmpty) return;
      answer.bytesSent = Buffer.byteLength(body);
      stream.end(body);
    },
    abort: () => {
      held = undefined;
      stream.destroy(new Error('the answer was aborted'));
    },
    // Streams are delimited beyond doubt: one says nothing about the others.
    closeAfter: () => {},
    switchProtocols: () => {
      throw new TypeError('HTTP/2 streams are not handed over');
    },
    closed: () => {
      stall?.cancel();
      held = undefined;
      if (!isFinished || stream.rstCode !== constants.NGHTTP2_NO_ERROR) answer.state = 'gone';
      const { onClose } = answer;
      answer.onClose = undefined;
      onClose?.();
    },
  };
  stream.on('drain', () => {
    stall?.cancel();
    stall = undefined;
    answer.onDrain?.();
  });
  stream.on('finish', () => {
    if (!waitForTrailers) onSent();
  });
  stream.on('wantTrailers', sendTrailers);
  return answer;

  function begin({ status }: ResponseHead): void {
    answer.state = 'started';
    answer.status = status;
    hasBody = !isHead && status !== 204 && status !== 304;
  }

  function release(): void {
    if (held === undefined) return;
    const head = held;
    held = undefined;
    respond(head, false);
  }

  /** `false` = the head cannot be sent, and the stream is reset. */
  function respond(head: ResponseHead, isEmpty: boolean): boolean {
    if (stream.destroyed || stream.closed) return false;
    const raw = [':status', String(head.status)];
    const isSafe = appendToWire(raw, head.fields);
    if (head.bodyBytes !== undefined && head.status !== 204)
      raw.push('content-length', String(head.bodyBytes));
    if (!hasField(head.fields, 'date')) raw.push('date', new Date().toUTCString());
    if (!isSafe) {
      answer.abort();
      return false;
    }
    // Where the length is known nobody waits for trailers.
    waitForTrailers = hasBody && !isEmpty && head.bodyBytes === undefined;
    try {
      stream.respond(raw, { endStream: isEmpty || !hasBody, waitForTrailers });
      return true;
    } catch (error) {
      stream.destroy(toError(error));
      return false;
    }
  }

  function sendTrailers(): void {
    const raw: string[] = [];
    if (trailers !== undefined && !appendToWire(raw, trailers)) {
      answer.abort();
      return;
    }
    const fields: Record<string, string | string[]> = Object.create(null);
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index] ?? '';
      const known = fields[name];
      const value = raw[index + 1] ?? '';
      fields[name] = known === undefined ? value : [known, value].flat();
    }
    stream.sendTrailers(fields);
    onSent();
  }
}
