import type { Socket } from 'node:net';
import type { Timers } from '../../time/timers.ts';

/** The server side of one version of HTTP, on sockets accepted elsewhere. */
export interface Listener<S extends Socket = Socket> {
  accept(socket: S): void;
  /** No further requests; connections end when theirs have, and are destroyed after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  connections(): number;
}

interface ListenerParts<S, C> {
  readonly timers: Timers;
  open(socket: S, onClosed: (connection: C) => void): C;
  /** Lets one end with its requests, when all have to within `timeoutMs`. */
  drain(connection: C, timeoutMs: number): void;
}

export function createListener<S extends Socket, C extends { destroy(): void }>(
  parts: ListenerParts<S, C>,
): Listener<S> {
  const open = new Set<C>();
  let isDraining = false;
  let allClosed: (() => void) | undefined;

  function onClosed(connection: C): void {
    open.delete(connection);
    if (open.size === 0) allClosed?.();
  }

  return {
    accept: (socket) => {
      if (isDraining || socket.destroyed) socket.destroy();
      else open.add(parts.open(socket, onClosed));
    },
    drain: async (timeoutMs) => {
      isDraining = true;
      if (open.size === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      allClosed = resolve;
      const timer = parts.timers.after(timeoutMs, () => {
        for (const connection of open) connection.destroy();
      });
      for (const connection of open) parts.drain(connection, timeoutMs);
      await promise;
      timer.cancel();
    },
    connections: () => open.size,
  };
}
