import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';

const STREAM_STARTED = 'http2.server.stream.start';

/**
 * Ends calls to `port` that were refused before their request had arrived in full, with a reset after the response
 * (RFC 9113 §8.1). grpc-js leaves them open; grpc-go, stopped by flow control in the middle of a message, does as
 * well, and counts them no longer: with enough of them it opens one stream too many, and all calls of its connection
 * end. Node shows the streams of a foreign server only here. Returns the function that stops it.
 */
export function endEarlyAnswers(port: number): () => void {
  const isOurs = new WeakMap<Http2Session, boolean>();
  const onStarted = (message: unknown) => {
    const { stream } = message as { readonly stream: ServerHttp2Stream };
    const { session } = stream;
    if (session === undefined) return;
    let ours = isOurs.get(session);
    if (ours === undefined) {
      ours = session.socket.localPort === port;
      isOurs.set(session, ours);
    }
    if (ours) stream.once('finish', () => dismiss(stream));
  };
  subscribe(STREAM_STARTED, onStarted);
  return () => unsubscribe(STREAM_STARTED, onStarted);
}

/** Node keeps a stream, and counts it as open, until its request was read. */
function dismiss(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return;
  stream.close();
  stream.resume();
}
