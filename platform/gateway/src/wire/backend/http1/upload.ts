import type { Socket } from 'node:net';
import type { RequestBody } from '../../rules/request.ts';
import type { Http1Exchange } from './exchange.ts';

/** Writes one request after the other to a connection, no faster than the back end reads. */
export interface Upload {
  start(exchange: Http1Exchange): void;
  /** `false` = more than was announced. */
  data(chunk: Buffer): boolean;
  /** `false` = less than was announced. */
  end(): boolean;
  /** The socket has room again. */
  drained(): void;
  /** Has the whole request been handed to the socket? */
  readonly isComplete: boolean;
  /** Has nothing of it been handed to the socket yet? */
  readonly isHeld: boolean;
}

/** Up to here one string is cheaper than a list of buffers for the kernel. */
const SMALL_BYTES = 16_384;

export function createUpload(socket: Socket): Upload {
  let body: RequestBody | undefined;
  let isChunked = false;
  let bytesLeft = 0;
  let paused = false;
  /** The head waits for the first piece of the body, which is often there already. */
  let heldHead = '';

  return {
    start: (exchange) => {
      const { head, request } = exchange;
      body = undefined;
      heldHead = '';
      paused = false;
      if (request.body === undefined) socket.write(head, 'latin1');
      else if (request.body instanceof Uint8Array) write(head, request.body, '');
      else if (request.body.framing.kind === 'none') socket.write(head, 'latin1');
      else stream(exchange, request.body);
    },
    data: (chunk) => {
      if (body === undefined || chunk.length === 0) return true;
      bytesLeft -= chunk.length;
      if (!isChunked && bytesLeft < 0) return false;
      const before = isChunked ? `${heldHead}${chunk.length.toString(16)}\r\n` : heldHead;
      heldHead = '';
      write(before, chunk, isChunked ? '\r\n' : '');
      if (socket.writableNeedDrain && !paused) {
        paused = true;
        body.pause();
      }
      return true;
    },
    end: () => {
      if (body === undefined) return true;
      if (!isChunked && bytesLeft !== 0) return false;
      body = undefined;
      const last = isChunked ? `${heldHead}0\r\n\r\n` : heldHead;
      heldHead = '';
      if (last !== '') socket.write(last, 'latin1');
      return true;
    },
    drained: () => {
      if (!paused) return;
      paused = false;
      body?.resume();
    },
    get isComplete() {
      return body === undefined;
    },
    get isHeld() {
      return heldHead !== '';
    },
  };

  function stream(exchange: Http1Exchange, source: RequestBody): void {
    const { framing } = source;
    body = source;
    isChunked = framing.kind === 'chunked';
    bytesLeft = framing.kind === 'length' ? framing.bytes : 0;
    heldHead = exchange.head;
    source.read(exchange, exchange.request.maxBodyBytes);
    // After everything that is at hand has been delivered: a back end may answer the head alone.
    setImmediate(releaseHead, source);
  }

  function releaseHead(source: RequestBody): void {
    if (body !== source || heldHead === '') return;
    socket.write(heldHead, 'latin1');
    heldHead = '';
  }

  function write(before: string, chunk: Uint8Array, after: string): void {
    if (before.length + chunk.length <= SMALL_BYTES) {
      socket.write(`${before}${latin1(chunk)}${after}`, 'latin1');
      return;
    }
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    socket.write(chunk);
    if (after !== '') socket.write(after, 'latin1');
    socket.uncork();
  }
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
