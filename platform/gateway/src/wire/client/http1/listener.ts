import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { withoutMapping } from '@flotilla/kernel/addresses';
import { provenCertificate } from '../credentials.ts';
import { DEFAULT_LIMITS, type Http1Options } from '../options.ts';
import { type ClientConnection, createClientConnection } from './connection.ts';

/** The server side of HTTP/1.1 and 1.0, on sockets accepted elsewhere. */
export interface Http1Listener {
  /** The socket must have been made with `allowHalfOpen`. */
  accept(socket: Socket | TLSSocket): void;
  /**
   * No further requests: idle connections end after a second at most, others after their response, all within `timeoutMs`. Sockets
   * that speak another protocol by then are destroyed at the end of it.
   */
  drain(timeoutMs: number): Promise<void>;
  connections(): number;
}

const DATE_MS = 1_000;
/** Clients that use their connections all the time send the next request within it, and learn that it was the last. */
const DRAIN_IDLE_MS = 1_000;

export function createHttp1Listener(options: Http1Options): Http1Listener {
  const { timers } = options;
  const open = new Set<ClientConnection>();
  let isDraining = false;
  let allClosed: (() => void) | undefined;
  let dateMs = Number.NEGATIVE_INFINITY;
  let date = '';

  /** RFC 9110 §6.6.1: a response without a date is given one. */
  function dateLine(): string {
    if (timers.nowMs - dateMs >= DATE_MS) {
      dateMs = timers.nowMs;
      date = `Date: ${new Date().toUTCString()}\r\n`;
    }
    return date;
  }

  function onClosed(connection: ClientConnection): void {
    open.delete(connection);
    if (open.size === 0) allClosed?.();
  }

  return {
    accept: (socket) => {
      if (isDraining || socket.destroyed) {
        socket.destroy();
        return;
      }
      const peerAddress = withoutMapping(socket.remoteAddress ?? '');
      const secure = 'encrypted' in socket;
      const limits = { ...DEFAULT_LIMITS, ...options.limits?.() };
      open.add(
        createClientConnection({
          ...{ ...options, limits, socket, peerAddress, secure, dateLine, onClosed },
          clientCertificate: provenCertificate(socket),
        }),
      );
    },
    drain: async (timeoutMs) => {
      isDraining = true;
      if (open.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      allClosed = resolve;
      const timer = timers.after(timeoutMs, () => {
        for (const connection of open) connection.destroy();
      });
      const idleMs = Math.min(DRAIN_IDLE_MS, timeoutMs / 4);
      for (const connection of open) connection.drain(idleMs);
      await promise;
      timer.cancel();
    },
    connections: () => open.size,
  };
}
