/** A place in a protobuf message. Reading moves it on; what is torn throws `RangeError`. */
export interface Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
}

export function openCursor(bytes: Buffer, at: number = 0, end: number = bytes.length): Cursor {
  return { bytes, at, end };
}

const TORN = 'the protobuf message is torn';

/** A number up to 2^53 exactly; more of it loses its low bits, which no field that is read so has. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  let factor = 1;
  for (let length = 0; length < 10; length += 1) {
    if (cursor.at >= cursor.end) throw new RangeError(TORN);
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
  throw new RangeError('a number in the protobuf message is too long');
}

/** A signed whole number of 64 bits. */
export function readInt64(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= cursor.end) throw new RangeError(TORN);
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asIntN(64, value);
  }
  throw new RangeError('a number in the protobuf message is too long');
}

/** As `sint32`: zigzag. */
export function readZigzag(cursor: Cursor): number {
  const value = readVarint(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function take(cursor: Cursor, length: number): number {
  const { at } = cursor;
  if (at + length > cursor.end) throw new RangeError(TORN);
  cursor.at = at + length;
  return at;
}

export function readFixed64(cursor: Cursor): bigint {
  return cursor.bytes.readBigUInt64LE(take(cursor, 8));
}

export function readSignedFixed64(cursor: Cursor): bigint {
  return cursor.bytes.readBigInt64LE(take(cursor, 8));
}

/** A count of 64 bits as a number. */
export function readFixedCount(cursor: Cursor): number {
  const at = take(cursor, 8);
  return cursor.bytes.readUInt32LE(at) + cursor.bytes.readUInt32LE(at + 4) * 4_294_967_296;
}

export function readDouble(cursor: Cursor): number {
  return cursor.bytes.readDoubleLE(take(cursor, 8));
}

export function readBytes(cursor: Cursor): Buffer {
  const length = readVarint(cursor);
  const at = take(cursor, length);
  return cursor.bytes.subarray(at, at + length);
}

/** Bytes that are no UTF-8 become U+FFFD: a sender's mistake in one text must not cost the rest. */
export function readText(cursor: Cursor): string {
  const length = readVarint(cursor);
  const at = take(cursor, length);
  return cursor.bytes.toString('utf8', at, at + length);
}

/** The inside of a message, which `read` must come to the end of. */
export function readMessage<T>(cursor: Cursor, read: (inner: Cursor) => T): T {
  const length = readVarint(cursor);
  const at = take(cursor, length);
  return read(openCursor(cursor.bytes, at, at + length));
}

/** Numbers of one field that were sent together. */
export function readPacked<T>(cursor: Cursor, into: T[], readOne: (cursor: Cursor) => T): void {
  readMessage(cursor, (inner) => {
    while (inner.at < inner.end) into.push(readOne(inner));
  });
}

function skip(cursor: Cursor, wire: number): void {
  if (wire === 0) readVarint(cursor);
  else if (wire === 1) take(cursor, 8);
  else if (wire === 2) take(cursor, readVarint(cursor));
  else if (wire === 5) take(cursor, 4);
  else throw new RangeError(`wire type ${wire} in the protobuf message is not known`);
}

/**
 * Calls `onField` with the tag of each field, `number * 8 + wire type`. One that it does not take, with `false`, is skipped:
 * so is a known field of another type.
 */
export function forEachField(cursor: Cursor, onField: (tag: number) => boolean): void {
  while (cursor.at < cursor.end) {
    const tag = readVarint(cursor);
    if (!onField(tag)) skip(cursor, tag % 8);
  }
}
