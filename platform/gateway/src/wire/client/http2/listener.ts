import type { Socket } from 'node:net';
import { DEFAULT_HTTP2_LIMITS, type Http2Options } from '../options.ts';
import { type Http2Connection, openHttp2Connection } from './connection.ts';

/** The server side of HTTP/2, on sockets accepted elsewhere: after ALPN `h2`, or with prior knowledge. */
export interface Http2Listener {
  accept(socket: Socket): void;
  /** No further streams; sessions end when theirs have, all within `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  connections(): number;
}

export function createHttp2Listener(options: Http2Options): Http2Listener {
  const { timers } = options;
  const open = new Set<Http2Connection>();
  let isDraining = false;
  let allClosed: (() => void) | undefined;

  function onClosed(connection: Http2Connection): void {
    open.delete(connection);
    if (open.size === 0) allClosed?.();
  }

  return {
    accept: (socket) => {
      if (isDraining || socket.destroyed) {
        socket.destroy();
        return;
      }
      const limits = { ...DEFAULT_HTTP2_LIMITS, ...options.limits?.() };
      open.add(openHttp2Connection({ ...options, limits, socket, onClosed }));
    },
    drain: async (timeoutMs) => {
      isDraining = true;
      if (open.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      allClosed = resolve;
      const timer = timers.after(timeoutMs, () => {
        for (const connection of open) connection.destroy();
      });
      for (const connection of open) connection.drain();
      await promise;
      timer.cancel();
    },
    connections: () => open.size,
  };
}
