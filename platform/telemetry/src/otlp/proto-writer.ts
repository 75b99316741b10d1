const TEXT_LOOP = 64;
/** Enough for nearly every span; it grows for the others. */
const START_BYTES = 4_096;

/**
 * Writes protobuf, one message after the other, into a buffer that is used again. A general library costs several times as much, and spans
 * are made at every request: `bench/telemetry` shows both.
 */
export class ProtoWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(START_BYTES);
  #at = 0;

  /** A copy of what was written; the next message begins. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  /** A nested message: its length is known when it is written. */
  message(field: number, write: () => void): void {
    const start = this.begin(field);
    write();
    this.end(start);
  }

  /** The same without a function, for what is written most often: `end` takes what `begin` returned. */
  begin(field: number): number {
    this.#tag(field, 2);
    this.#room(1);
    this.#at += 1;
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    const extra = varintSize(length) - 1;
    if (extra > 0) {
      this.#room(extra);
      this.#bytes.copyWithin(start + extra, start, this.#at);
      this.#at += extra;
    }
    this.#writeVarint(start - 1, length);
  }

  text(field: number, value: string): void {
    this.#tag(field, 2);
    const { length } = value;
    this.#room(length * 3 + 5);
    const start = this.#at;
    if (length < TEXT_LOOP) {
      let at = start + 1;
      let index = 0;
      for (; index < length; index += 1) {
        const code = value.charCodeAt(index);
        if (code > 127) break;
        this.#bytes[at] = code;
        at += 1;
      }
      if (index === length) {
        this.#bytes[start] = length;
        this.#at = at;
        return;
      }
    }
    const size = Buffer.byteLength(value);
    const prefix = varintSize(size);
    this.#writeVarint(start, size);
    this.#bytes.write(value, start + prefix, size, 'utf8');
    this.#at = start + prefix + size;
  }

  /** Lower-case hex of even length as bytes. */
  hex(field: number, value: string): void {
    this.#tag(field, 2);
    const size = value.length / 2;
    this.#room(size + 1);
    this.#bytes[this.#at] = size;
    let at = this.#at + 1;
    for (let index = 0; index < value.length; index += 2) {
      this.#bytes[at] = (digit(value.charCodeAt(index)) << 4) | digit(value.charCodeAt(index + 1));
      at += 1;
    }
    this.#at = at;
  }

  bool(field: number, value: boolean): void {
    this.varint(field, value ? 1 : 0);
  }

  /** A whole number of 0 and above, up to 2^53. */
  varint(field: number, value: number): void {
    this.#tag(field, 0);
    this.#room(10);
    this.#at += this.#writeVarint(this.#at, value);
  }

  /** A whole number, negative ones included, as int64. */
  int(field: number, value: number): void {
    if (value >= 0) {
      this.varint(field, value);
      return;
    }
    this.#tag(field, 0);
    this.#room(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#bytes[this.#at] = Number(rest & 127n) | 128;
      this.#at += 1;
      rest >>= 7n;
    }
    this.#bytes[this.#at] = Number(rest);
    this.#at += 1;
  }

  /** sint32: small negative numbers are short. */
  zigzag(field: number, value: number): void {
    this.varint(field, value >= 0 ? value * 2 : -value * 2 - 1);
  }

  double(field: number, value: number): void {
    this.#tag(field, 1);
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, 5);
    this.#room(4);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  /** A whole number of 0 and above, up to 2^53. */
  fixed64(field: number, value: number): void {
    this.#tag(field, 1);
    this.#writeFixed64(value % 2 ** 32, Math.floor(value / 2 ** 32));
  }

  /** Milliseconds since the epoch as nanoseconds, which are more than a double holds: in two halves. */
  nanoseconds(field: number, ms: number): void {
    this.#tag(field, 1);
    const whole = Math.floor(ms);
    const high = Math.floor(whole / 2 ** 20) * 1e6; // times 2^20
    const low = (whole % 2 ** 20) * 1e6 + Math.round((ms - whole) * 1e6);
    const sum = (high % 4_096) * 2 ** 20 + (low % 2 ** 32);
    this.#writeFixed64(
      sum % 2 ** 32,
      Math.floor(high / 4_096) + Math.floor(low / 2 ** 32) + Math.floor(sum / 2 ** 32),
    );
  }

  packedFixed64(field: number, values: readonly number[]): void {
    this.#tag(field, 2);
    this.#room(values.length * 8 + 5);
    this.#at += this.#writeVarint(this.#at, values.length * 8);
    for (const value of values) this.#writeFixed64(value % 2 ** 32, Math.floor(value / 2 ** 32));
  }

  packedDoubles(field: number, values: readonly number[]): void {
    this.#tag(field, 2);
    this.#room(values.length * 8 + 5);
    this.#at += this.#writeVarint(this.#at, values.length * 8);
    for (const value of values) this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  packedVarints(field: number, values: readonly number[]): void {
    this.message(field, () => {
      for (const value of values) {
        this.#room(10);
        this.#at += this.#writeVarint(this.#at, value);
      }
    });
  }

  /** A message that was written before. */
  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, 2);
    this.#room(value.length + 5);
    this.#at += this.#writeVarint(this.#at, value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #tag(field: number, wireType: number): void {
    this.#room(1);
    this.#bytes[this.#at] = (field << 3) | wireType; // all of OTLP is below field 16, but one that takes two bytes
    if (field < 16) {
      this.#at += 1;
      return;
    }
    this.#room(2);
    this.#bytes[this.#at] = ((field << 3) & 127) | wireType | 128;
    this.#bytes[this.#at + 1] = field >> 4;
    this.#at += 2;
  }

  #writeFixed64(low: number, high: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeUInt32LE(low, this.#at);
    this.#at = this.#bytes.writeUInt32LE(high, this.#at);
  }

  /** How many bytes it took. */
  #writeVarint(from: number, value: number): number {
    let at = from;
    let rest = value;
    while (rest > 127) {
      this.#bytes[at] = (rest % 128) | 128;
      at += 1;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[at] = rest;
    return at + 1 - from;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function digit(code: number): number {
  return code > 57 ? code - 87 : code - 48;
}
