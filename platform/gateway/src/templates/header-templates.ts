import type { Fields } from '../wire/rules/fields.ts';
import { capture, compilePattern, lowerPattern, type Pattern } from './pattern.ts';

/** `UpstreamHeaderTemplates` of one route: `true` = all match, their values are in `values`. */
export type HeaderMatcher = (fields: Fields, values: Map<string, string>) => boolean;

const PLACEHOLDER = /\{header:([^{}]*)\}/g;
const NOT_EMPTY = { least: 1, limit: Number.POSITIVE_INFINITY } as const;

export function headerPlaceholdersOf(template: string): readonly string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/**
 * `undefined` = there are no templates. An empty template is for requests without that header, or with an empty one. Values are percent-encoded: unlike those of a path they are no URL text. */
export function compileHeaderTemplates(
  templates: ReadonlyMap<string, string>,
  caseSensitive: boolean,
): HeaderMatcher | undefined {
  if (templates.size === 0) return undefined;
  const compiled = [...templates].map(([header, template]) => {
    if (template === '') return { header: header.toLowerCase(), pattern: undefined };
    // Fields are read byte by byte, the file is text.
    const pattern = compilePattern(Buffer.from(template).toString('latin1'), PLACEHOLDER);
    return { header: header.toLowerCase(), pattern: caseSensitive ? pattern : lowerPattern(pattern) };
  });
  return (fields, values) =>
    compiled.every(({ header, pattern }) => {
      const value = joined(fields, header);
      return pattern === undefined ? !value : matches(value, pattern, caseSensitive, values);
    });
}

function matches(
  value: string | undefined,
  pattern: Pattern,
  caseSensitive: boolean,
  values: Map<string, string>,
): boolean {
  if (value === undefined) return false;
  const compared = caseSensitive ? value : value.toLowerCase();
  if (!capture(pattern, compared, value, 0, value.length, NOT_EMPTY, values)) return false;
  for (const name of pattern.names) values.set(name, encodeBytes(values.get(name) ?? ''));
  return true;
}

/** Percent-encoded for a URL; a byte that is no ASCII as that byte, whether it belongs to UTF-8 or not. */
function encodeBytes(text: string): string {
  return text.replace(/[\s\S]/g, (byte) =>
    byte < '\x80' ? encodeURIComponent(byte) : `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Lines of one field, joined with a comma and no blank: that is what templates are written for. */
function joined({ names, values }: Fields, lower: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < names.length; index += 1) {
    if (names[index]?.lower !== lower) continue;
    found = found === undefined ? values[index] : `${found},${values[index]}`;
  }
  return found;
}
