// Classes of bytes as tables: one look-up per byte, and nothing outside of a class is ever let through.

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
/** Field values of requests: visible ASCII, blank and tab, nothing from 0x80 on. */
export const VALUE = classOf(`${VISIBLE} \t`);
export const REG_NAME = classOf(`${DIGITS}${LETTERS}-._`);

/** What must never be written into a line: controls but the tab, and DEL. */
export const DEL_OR_CONTROL = classOf(
  String.fromCharCode(
    ...Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== TAB),
    0x7f,
  ),
);

export function isToken(text: string, start: number = 0): boolean {
  if (start >= text.length) return false;
  for (let at = start; at < text.length; at += 1) if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  return true;
}

/** A decimal without sign or blanks, `undefined` when it is none or too large to be exact. */
export function parseDecimal(text: string): number | undefined {
  if (text === '') return undefined;
  let number = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
    if (number > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return number;
}
