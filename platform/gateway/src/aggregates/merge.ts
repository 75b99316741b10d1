/** The response of one part: one body, or several where it was called once for each value. */
export interface PartResponse {
  readonly key: string;
  readonly calls: readonly { readonly status: number; readonly body: Buffer }[];
  /** Is the member a list, whatever the number of calls? */
  readonly isList: boolean;
}

/**
 * `{"<key>":<body>,…}` in the order of the parts. By default the result is always JSON: an empty body is `null`, one that is no JSON a
 * string. Strict pastes bodies as they are, as Ocelot does.
 */
export function mergeParts(parts: readonly PartResponse[], strict: boolean): string {
  const members = parts.map(({ key, calls, isList }) => {
    const bodies = calls.map(({ body }) => (strict ? body.toString() : asJson(body)));
    return `${JSON.stringify(key)}:${isList ? `[${bodies.join(',')}]` : (bodies[0] ?? '')}`;
  });
  return `{${members.join(',')}}`;
}

/** `Laura=404, Tom=200`; of several calls the highest status. */
export function statusSummary(parts: readonly PartResponse[]): string {
  return parts
    .map(
      ({ key, calls }) =>
        `${key.replaceAll(/[^\x21-\x7e]/g, '?')}=${Math.max(...calls.map(({ status }) => status))}`,
    )
    .join(', ');
}

function asJson(body: Buffer): string {
  if (body.length === 0) return 'null';
  const text = body.toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text); // not JSON: exactly what is asked here
  }
}
