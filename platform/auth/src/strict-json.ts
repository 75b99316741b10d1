const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The JSON object in these bytes, or `undefined` unless it is exactly that: valid UTF-8, one object, no name
 * twice in the same object. Two parsers that disagree on duplicate names would see two different tokens.
 */
export function parseStrictObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // What is written as we would write it has each name once: nearly every token, and quickly seen.
    const isPlain = JSON.stringify(value) === text;
    return isPlain || !repeatsName(text) ? (value as Record<string, unknown>) : undefined; // an object, as just checked
  } catch {
    return undefined; // not UTF-8 or not JSON: what `undefined` stands for
  }
}

const TOKENS = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g;

/** `text` is valid JSON already, so strings followed by a colon are names, and braces nest. */
function repeatsName(text: string): boolean {
  const open: Set<unknown>[] = [];
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const names = open.at(-1);
      const name: unknown = JSON.parse(token.slice(0, -colon.length));
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
