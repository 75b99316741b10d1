import type { BackendCall, BackendRequest, ResponseSink } from './backend-call.ts';
import { createHttp1Pool, type Http1PoolOptions } from './http1/pool.ts';
import { createHttp2Pool } from './http2/pool.ts';
import type { OriginPool } from './pool.ts';

/** A back end whose connections disagree each time, as behind a balancer of its own, does not send a request round. */
const MAX_MOVES = 3;

/**
 * To one origin by HTTP/2 or 1.1, whichever its connections agree on. Requests go the way that the newest one chose;
 * each new one is asked again, as the back end may have changed meanwhile.
 */
export function createNegotiatedPool(options: Omit<Http1PoolOptions, 'onHttp2'>): OriginPool {
  const { readBuffer } = options;
  /** HTTP/2 until a connection says otherwise: one connection finds out for all who wait. */
  let chosen: '1.1' | '2' = '2';

  const http2 = createHttp2Pool({
    ...options,
    onUnused,
    lower: {
      readBuffer,
      onHttp1: (socket, inlet) => {
        chosen = '1.1';
        http1.adopt(socket, inlet);
      },
    },
  });
  const http1 = createHttp1Pool({
    ...options,
    onUnused,
    onHttp2: (socket) => {
      chosen = '2';
      http2.adopt(socket);
    },
  });

  return {
    send,
    stats: () => {
      const [one, two] = [http1.stats(), http2.stats()];
      return {
        inFlight: one.inFlight + two.inFlight,
        idle: one.idle + two.idle,
        waiting: one.waiting + two.waiting,
      };
    },
    close: () => {
      http1.close();
      http2.close();
    },
  };

  /** A request whose connection chose the other protocol was not sent, and goes there. */
  function send(request: BackendRequest, sink: ResponseSink): BackendCall {
    let moves = 0;
    const place = (): BackendCall =>
      (chosen === '2' && !request.upgrade ? http2 : http1).send(request, {
        head: (head) => sink.head(head),
        data: (chunk) => sink.data(chunk),
        end: (trailers) => sink.end(trailers),
        switched: (head, socket, early) => sink.switched(head, socket, early),
        error: (failure) => {
          moves += 1;
          const mayMove = failure.reason === 'other-protocol' && !request.upgrade && moves <= MAX_MOVES;
          if (mayMove) call = place();
          else sink.error(failure);
        },
      });
    let call = place();
    return { pause: () => call.pause(), resume: () => call.resume(), abort: () => call.abort() };
  }

  function onUnused(): void {
    const isUnused = [http1, http2].every((pool) => {
      const { inFlight, idle, waiting } = pool.stats();
      return inFlight + idle + waiting === 0;
    });
    if (isUnused) options.onUnused();
  }
}
