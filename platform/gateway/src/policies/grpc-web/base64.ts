const TEXT = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes base64 as it comes; each message may be padded for itself. */
export interface Base64Decoder {
  /** `undefined` = that is no base64. */
  feed(chunk: Buffer): Buffer | undefined;
  /** Has a group begun that is not complete? */
  readonly isOpen: boolean;
}

export function createBase64Decoder(): Base64Decoder {
  let left = '';
  return {
    feed: (chunk) => {
      const text = left + chunk.toString('latin1');
      const whole = text.length - (text.length % 4);
      left = text.slice(whole);
      // Padding ends a group of four, and with it a part.
      const parts = text.slice(0, whole).match(/[^=]+=*|=+/g) ?? [];
      if (!parts.every((part) => part.length % 4 === 0 && TEXT.test(part))) return undefined;
      return Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
    },
    get isOpen() {
      return left !== '';
    },
  };
}
