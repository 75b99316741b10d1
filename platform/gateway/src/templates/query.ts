/** One parameter of a query: its text as it stands there and its name, decoded. */
export interface Parameter {
  readonly text: string;
  readonly name: string;
}

/** `query` with its `?` or empty. Empty parameters (`&&`) are left out. */
export function parametersOf(query: string): readonly Parameter[] {
  if (query === '') return [];
  return query
    .slice(1)
    .split('&')
    .filter((text) => text !== '')
    .map((text) => ({ text, name: decodeComponent(nameOf(text)) }));
}

function parameterValue({ text }: Parameter): string {
  const equals = text.indexOf('=');
  return equals === -1 ? '' : decodeComponent(text.slice(equals + 1));
}

function nameOf(text: string): string {
  const equals = text.indexOf('=');
  return equals === -1 ? text : text.slice(0, equals);
}

/** Names are compared by what they mean to a back end: `%75ser` is `user`, `+` a blank. */
function decodeComponent(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced; // URIError: no valid escapes, so it stands for itself
  }
}

/** Repeated parameters become one, their values joined with a comma, in the place of the first. */
export function collapseRepeated(parameters: readonly Parameter[]): readonly Parameter[] {
  const byName = Map.groupBy(parameters, ({ name }) => name);
  return [...byName].map(([name, same]) => {
    const [only] = same;
    if (only !== undefined && same.length === 1) return only;
    return { name, text: formatParameter(name, same.map(parameterValue).join(',')) };
  });
}

export function formatParameter(name: string, value: string): string {
  return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

export function joinQuery(parameters: readonly string[]): string {
  return parameters.length === 0 ? '' : `?${parameters.join('&')}`;
}
