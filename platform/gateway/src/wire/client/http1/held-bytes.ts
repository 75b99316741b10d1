/** Bytes that came before somebody wanted them, in order. */
export interface HeldBytes {
  readonly length: number;
  add(bytes: Buffer): void;
  /** All of them. */
  take(): Buffer;
}

/** Many small pieces are joined from time to time: each costs more memory than its bytes. */
const MAX_PIECES = 32;
const NOTHING = Buffer.alloc(0);

export function createHeldBytes(): HeldBytes {
  let pieces: Buffer[] = [];
  let length = 0;
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
  };
}
