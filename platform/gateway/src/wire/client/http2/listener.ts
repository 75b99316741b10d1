import { createListener, type Listener } from '../listener.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Options } from '../options.ts';
import { type Http2Connection, openHttp2Connection } from './connection.ts';

/** Of HTTP/2: after ALPN `h2`, or with prior knowledge. */
export function createHttp2Listener(options: Http2Options): Listener {
  return createListener({
    timers: options.timers,
    open: (socket, onClosed: (connection: Http2Connection) => void) => {
      const limits = { ...DEFAULT_HTTP2_LIMITS, ...options.limits?.() };
      return openHttp2Connection({ ...options, limits, socket, onClosed });
    },
    drain: (connection) => connection.drain(),
  });
}
