/** Which hosts (without port, in the case in which they are compared) a route is for. */
export interface HostMatcher {
  /** Closer ones are tried first: a whole name before any wildcard, a long wildcard before a short one. */
  readonly closeness: number;
  matches(host: string): boolean;
}

/** `**.shop.example` is every name below it, however deep; everything else is one whole name, with `strict` that too. */
export function compileHost(wanted: string | undefined, strict: boolean): HostMatcher | undefined {
  if (wanted === undefined) return undefined;
  if (strict || !wanted.startsWith('**.'))
    return { closeness: Number.POSITIVE_INFINITY, matches: (host) => host === wanted };
  const suffix = wanted.slice(2);
  return {
    closeness: suffix.length,
    matches: (host) => host.length > suffix.length && host.endsWith(suffix),
  };
}
