/**
 * Text that PostgreSQL stores, whatever it was made of: NUL becomes U+2400, half a surrogate pair U+FFFD. With
 * `maxChars` it is cut, never within a pair. For what is told (errors, reasons, answers), so that keeping it cannot fail.
 */
export function storableText(text: string, maxChars: number = text.length): string {
  const cut = text.length > maxChars ? text.slice(0, endOf(text, maxChars)) : text;
  return cut.replaceAll('\0', '\u2400').toWellFormed();
}

/** The same for JSON, as `JSON.stringify` writes it: `jsonb` takes neither NUL nor half a surrogate pair, not even escaped. */
export function storableJson(json: string): string {
  return json.includes('\\u') ? json.replace(ESCAPES, (found) => replacementOf(found) ?? found) : json;
}

/** Does `jsonb` take this text, as `JSON.stringify` wrote it? */
export function isStorableJson(json: string): boolean {
  return storableJson(json) === json;
}

// `JSON.stringify` escapes these two, and no whole pairs. A backslash takes what follows it along, so the six characters
// `\u0000` of an ordinary text are no escape.
const ESCAPES = /\\(?:u[0-9a-f]{4}|.)/g;

function replacementOf(found: string): string | undefined {
  if (found === '\\u0000') return '\\u2400';
  return /^\\ud[89a-f]/.test(found) ? '\\ufffd' : undefined;
}

/** Not behind the first half of a pair. */
function endOf(text: string, maxChars: number): number {
  const last = text.codePointAt(maxChars - 1) ?? 0;
  return last > 0xff_ff ? maxChars - 1 : maxChars;
}
