// Which bytes may stand where, RFC 9110 §5.5 and §5.6.2. Strings are latin1: one character is one byte.

const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[character.charCodeAt(0)] = 1;

export function isTokenByte(code: number): boolean {
  return TOKEN[code] === 1;
}

/** Is `text[start, end)` a token? An empty one is none. */
export function isToken(text: string, start = 0, end: number = text.length): boolean {
  for (let index = start; index < end; index += 1) if (TOKEN[text.charCodeAt(index)] !== 1) return false;
  return end > start;
}

/** Tabs, blanks and visible characters; bytes from 0x80 too, which answers carry in file names. */
export function isValueByte(code: number): boolean {
  return code >= 0x20 ? code !== 0x7f && code <= 0xff : code === 0x09;
}

export function isValue(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (!isValueByte(text.charCodeAt(index))) return false;
  return true;
}

/** A value that every server reads in the same way: tabs, blanks and visible ASCII. */
export function isAsciiValue(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 ? code !== 0x09 : code > 0x7e) return false;
  }
  return true;
}

/** Visible ASCII without blanks: a request target. */
export function isVisible(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code > 0x7e) return false;
  }
  return text !== '';
}

/** `1*DIGIT` up to 2^53 - 1; -1 for everything else. */
export function parseDigits(text: string): number {
  if (text === '' || text.length > 16) return -1;
  let value = 0;
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : -1;
}
