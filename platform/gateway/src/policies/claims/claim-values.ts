/** Printable ASCII and blanks: what a header field can hold. */
export function asFieldValue(text: string): string | undefined {
  return hasOnly(text, 0x20, 0x7e) ? text : undefined;
}

/** As it is: it is encoded when it is put into the query. No control characters, which no honest value has. */
export function asQueryValue(text: string): string | undefined {
  return hasOnly(text, 0x20, 0xffff) && !text.includes('\x7f') && text.isWellFormed() ? text : undefined;
}

/**
 * Percent-encoded, so that it stays one segment. Also for a back end that decodes slashes too early no part of
 * it may be empty, `.` or `..`.
 */
export function asPathSegment(text: string): string | undefined {
  const isPlain = text.split(/[/\\]/).every((part) => {
    const [name] = part.split(';', 1);
    return name !== '' && name !== '.' && name !== '..';
  });
  const value = isPlain ? asQueryValue(text) : undefined;
  return value === undefined ? undefined : encodeURIComponent(value);
}

function hasOnly(text: string, lowest: number, highest: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < lowest || code > highest) return false;
  }
  return true;
}
