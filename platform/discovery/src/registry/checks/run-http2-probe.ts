import { type ClientHttp2Session, connect } from 'node:http2';
import type { ConnectionOptions } from 'node:tls';
import type { Status } from '../state/records.ts';
import { withDeadline } from './with-deadline.ts';

interface Target {
  readonly url: string;
  readonly options: ConnectionOptions;
}

function open({ url, options }: Target, reject: (error: Error) => void, onEnd: (end: () => void) => void) {
  const session: ClientHttp2Session = connect(url, options);
  session.on('error', reject);
  onEnd(() => session.destroy());
  return session;
}

export function probeHttp2(target: Target, timeoutMs: number): Promise<void> {
  return withDeadline(timeoutMs, (resolve, reject, onEnd) => {
    const session = open(target, reject, onEnd);
    session.on('connect', () => session.ping((error) => (error ? reject(error) : resolve())));
  });
}

const SERVING = 1;

/** `Check` of `grpc.health.v1.Health`, of one service or, with an empty name, of the server. */
export function probeGrpc(target: Target, service: string, timeoutMs: number): Promise<Status> {
  return withDeadline(timeoutMs, (resolve, reject, onEnd) => {
    const stream = open(target, reject, onEnd).request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('error', reject);
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < 1_024) chunks.push(chunk);
    });
    const checkStatus = (headers: Readonly<Record<string, unknown>>) => {
      const status = headers['grpc-status'];
      if (status !== undefined && Number(status) !== 0)
        reject(new Error(`rpc error: code ${status}: ${String(headers['grpc-message'] ?? '')}`));
    };
    stream.on('response', checkStatus); // an error may come without a body and trailers
    stream.on('trailers', checkStatus);
    stream.on('end', () =>
      resolve(servingStatus(Buffer.concat(chunks)) === SERVING ? 'passing' : 'critical'),
    );
    stream.end(healthRequest(service));
  });
}

/** One gRPC frame with the protobuf message `{ 1: service }`. */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service.slice(0, 100));
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Field 1 of the message in the first frame; absent = 0, unknown. */
function servingStatus(frame: Buffer): number {
  return frame.length >= 7 && frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
}
