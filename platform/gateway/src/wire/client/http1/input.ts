import type { Socket } from 'node:net';

/** Many small pieces are joined from time to time: each costs more memory than its bytes. */
const MAX_PIECES = 32;
const NOTHING = Buffer.alloc(0);

/** What has arrived from a client and was not read yet, in order. */
export interface Input {
  readonly length: number;
  add(bytes: Buffer): void;
  /** All of it. */
  take(): Buffer;
  /** Shall the socket bring more? */
  steer(mustPause: boolean): void;
}

export function createInput(socket: Socket): Input {
  let pieces: Buffer[] = [];
  let length = 0;
  let isPaused = false;
  return {
    get length() {
      return length;
    },
    add: (bytes) => {
      if (bytes.length === 0) return;
      if (pieces.length === MAX_PIECES) pieces = [Buffer.concat(pieces)];
      pieces.push(bytes);
      length += bytes.length;
    },
    take: () => {
      const all = pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces);
      pieces = [];
      length = 0;
      return all;
    },
    steer: (mustPause) => {
      if (mustPause === isPaused) return;
      isPaused = mustPause;
      if (mustPause) socket.pause();
      else socket.resume();
    },
  };
}
