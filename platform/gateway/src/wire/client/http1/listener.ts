import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { withoutMapping } from '@flotilla/kernel/addresses';
import { provenCertificate } from '../credentials.ts';
import { createListener, type Listener } from '../listener.ts';
import { DEFAULT_LIMITS, type Http1Options } from '../options.ts';
import { type ClientConnection, createClientConnection } from './connection.ts';

const DATE_MS = 1_000;
/** Clients that use their connections all the time send the next request within it, and learn that it was the last. */
const DRAIN_IDLE_MS = 1_000;

/** Of HTTP/1.1 and 1.0. Sockets must have been made with `allowHalfOpen`; those that speak another protocol by then end with the time of a drain. */
export function createHttp1Listener(options: Http1Options): Listener<Socket | TLSSocket> {
  const { timers } = options;
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

  return createListener({
    timers,
    open: (socket, onClosed: (connection: ClientConnection) => void) => {
      const peerAddress = withoutMapping(socket.remoteAddress ?? '');
      const secure = 'encrypted' in socket;
      const limits = { ...DEFAULT_LIMITS, ...options.limits?.() };
      return createClientConnection({
        ...{ ...options, limits, socket, peerAddress, secure, dateLine, onClosed },
        clientCertificate: provenCertificate(socket),
      });
    },
    // Idle connections end before the others may.
    drain: (connection, timeoutMs) => connection.drain(Math.min(DRAIN_IDLE_MS, timeoutMs / 4)),
  });
}
