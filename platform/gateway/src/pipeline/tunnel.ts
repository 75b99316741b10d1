import type { Duplex } from 'node:stream';
import { createDeadline } from '../time/deadline.ts';
import type { Timers } from '../time/timers.ts';

export interface TunnelOptions {
  readonly timers: Timers;
  /** Without a byte from either side for so long, both are closed. `Infinity` = no limit. */
  readonly idleMs: number;
  onIdle(): void;
  /** Once, with the number of bytes that passed. */
  onClose(bytes: number): void;
}

/**
 * Passes bytes both ways until one side ends, no faster than the slower one reads. Then the other side gets what is left and is closed
 * too: a half-open WebSocket is useless.
 */
export function tunnel(client: Duplex, backend: Duplex, early: Buffer, options: TunnelOptions): void {
  const { timers, idleMs, onIdle, onClose } = options;
  let bytes = early.length;
  let closed = false;
  const silence = createDeadline(timers, () => {
    if (!closed) onIdle();
    client.destroy();
    backend.destroy();
  });
  const heard = () => {
    if (idleMs !== Number.POSITIVE_INFINITY) silence.set(idleMs);
  };
  const close = () => {
    // Until then it also ends a side that does not take what is left.
    if (client.destroyed && backend.destroyed) silence.stop();
    if (closed) return;
    closed = true;
    onClose(bytes);
  };
  const link = (from: Duplex, to: Duplex) => {
    from.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      heard();
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      heard(); // what was held back has been taken: a slow reader is no silent one
      from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (to.writableFinished || to.destroyed) to.destroy();
      else to.end(() => to.destroy());
      close();
    });
  };
  link(client, backend);
  link(backend, client);
  heard();
  if (early.length > 0) client.write(early);
  client.resume();
  backend.resume();
}
