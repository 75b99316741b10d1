// Which bytes may stand where, RFC 9110 §5.5 and §5.6.2. Texts are latin1: one character is one byte. Classes are tables: one look-up
// per byte, and nothing outside of a class is ever let through.

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

/** `table[code] === 1` says that the byte belongs to the class. */
function classOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

const DIGITS = '0123456789';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const VISIBLE = String.fromCharCode(...Array.from({ length: 0x7f - 0x21 }, (_, index) => 0x21 + index));

/** RFC 9110 §5.6.2. */
export const TOKEN = classOf(`${DIGITS}${LETTERS}!#$%&'*+-.^_\`|~`);
/** What stands between the blanks of a request line. */
export const GRAPHIC = classOf(VISIBLE);
const HIGH = String.fromCharCode(...Array.from({ length: 0x80 }, (_, index) => 0x80 + index));

/** Field values that need no second look: visible ASCII, blank and tab. */
export const VALUE = classOf(`${VISIBLE} \t`);
/** And bytes from 0x80 on, of which `isRequestValue` says where they may stand. */
export const VALUE_OR_HIGH = classOf(`${VISIBLE} \t${HIGH}`);
export const REG_NAME = classOf(`${DIGITS}${LETTERS}-._`);

/** Is `text[start, end)` a token? An empty one is none. */
export function isToken(text: string, start = 0, end: number = text.length): boolean {
  for (let index = start; index < end; index += 1) if (TOKEN[text.charCodeAt(index)] !== 1) return false;
  return end > start;
}

/** Tabs, blanks and visible characters; bytes from 0x80 too, which responses carry in file names. */
export function isValueByte(code: number): boolean {
  return code >= 0x20 ? code !== 0x7f && code <= 0xff : code === 0x09;
}

/** Above 0xFF only the low byte would be sent, and that could be a line break. */
export function isValue(text: string, start = 0, end: number = text.length): boolean {
  for (let index = start; index < end; index += 1) if (!isValueByte(text.charCodeAt(index))) return false;
  return true;
}

/**
 * May a client send this value in the field (lower case)? Tabs, blanks and visible ASCII, what every server reads in the same way.
 * What a site has put into a cookie its browsers send back byte by byte, whatever it is.
 */
export function isRequestValue(lower: string, text: string): boolean {
  return isAsciiValue(text) || (lower === 'cookie' && isValue(text));
}

/** Tabs, blanks and visible ASCII. */
function isAsciiValue(text: string): boolean {
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
