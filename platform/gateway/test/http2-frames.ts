export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const GOAWAY = 7;
/** Of SETTINGS. */
export const ACK = 1;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function resetFrame(code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(RST_STREAM, 0, 1, payload);
}

/** The complete frames of `received`, from `at` on. */
export function framesOf(received: Buffer, start: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = start; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3))
    frames.push({
      type: received[at + 3] ?? -1,
      flags: received[at + 4] ?? 0,
      stream: received.readUInt32BE(at + 5),
    });
  return frames;
}

/** Does a frame end the first stream properly? */
export function hasEndStream(frames: readonly Frame[]): boolean {
  return frames.some(
    ({ type, flags, stream }) =>
      stream === 1 && (type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0,
  );
}
