import type { Duplex } from 'node:stream';
import { newTrace } from '@flotilla/telemetry';
import type { ClientConnections } from './client-connections.ts';
import { malformed, problemJson, type Refusal } from './refusal.ts';

const BY_PARSER_CODE: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { ...malformed('the head is too large'), status: 431 },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { ...malformed('the chunk extensions are too large'), status: 413 },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request-timeout', closes: true },
};

/**
 * Bytes that are no request: answered and closed. While another answer is under way on the connection it is
 * only closed, so that nobody takes this error for that answer.
 */
export function answerBrokenRequest(error: Error, socket: Duplex, connections: ClientConnections): void {
  if (!socket.writable || connections.isAnswering(socket)) {
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
