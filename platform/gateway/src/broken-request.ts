import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { newTrace } from '@flotilla/telemetry';
import { malformed, problemJson, type Refusal } from './refusal.ts';

/** Which connections have an answer under way. */
export interface InFlight {
  track(socket: Duplex, response: ServerResponse): void;
  has(socket: Duplex): boolean;
}

export function createInFlight(): InFlight {
  const counts = new WeakMap<Duplex, number>();
  const add = (socket: Duplex, by: number) => counts.set(socket, (counts.get(socket) ?? 0) + by);
  return {
    track: (socket, response) => {
      add(socket, 1);
      response.once('close', () => add(socket, -1));
    },
    has: (socket) => (counts.get(socket) ?? 0) > 0,
  };
}

const BY_PARSER_CODE: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { ...malformed('the head is too large'), status: 431 },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { ...malformed('the chunk extensions are too large'), status: 413 },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request-timeout', closes: true },
};

/**
 * Bytes that are no request: answered and closed. While another answer is under way on the connection it is
 * only closed, so that nobody takes this error for that answer.
 */
export function answerBrokenRequest(error: Error, socket: Duplex, inFlight: InFlight): void {
  if (!socket.writable || inFlight.has(socket)) {
    socket.destroy();
    return;
  }
  const code = 'code' in error ? String(error.code) : '';
  const refusal = BY_PARSER_CODE[code] ?? malformed('not an HTTP/1.1 request');
  const { traceId } = newTrace();
  const body = problemJson(refusal, traceId);
  socket.end(
    [
      `HTTP/1.1 ${refusal.status} Refused`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${traceId}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
