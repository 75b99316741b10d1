import type { Socket } from 'node:net';
import { createDeadline } from '../../../time/deadline.ts';
import type { Timers } from '../../../time/timers.ts';

/** Notices a client that takes nothing of what is written to it. */
export interface WriteWatch {
  /** A write was not taken at once: the client has to read. */
  start(): void;
  /** All of it has been taken. */
  clear(): void;
  /** For good. */
  stop(): void;
}

export function createWriteWatch(
  socket: Socket,
  { timers, stallMs, onStalled }: { timers: Timers; stallMs: number; onStalled: () => void },
): WriteWatch {
  let mark = 0;
  let takenAtMs = 0;
  const deadline = createDeadline(timers, () => {
    if (writtenBytes(socket) !== mark) start();
    else if (timers.nowMs - takenAtMs < stallMs) look();
    else onStalled();
  });
  const start = () => {
    mark = writtenBytes(socket);
    takenAtMs = timers.nowMs;
    look();
  };
  /** Ten times in the time that is granted: what was taken right after the last write gains a tenth, not all of it. */
  const look = () => deadline.set(stallMs / 10);
  return { start, clear: deadline.clear, stop: deadline.stop };
}

/**
 * A number that changes when the client takes something. The socket's own figures change only when a whole write has
 * gone out, which for a large one may take a slow client minutes; so what is left of the write under way is asked of
 * the handle. Should a version of Node not tell it any more, only that is lost.
 */
export function writtenBytes(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const queued: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : undefined;
  return socket.bytesWritten - socket.writableLength - (typeof queued === 'number' ? queued : 0);
}
