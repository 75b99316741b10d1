import type { Socket } from 'node:net';

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
