/** Names and values of the cookies of one front end. */
export interface CookieNames {
  readonly session: string;
  /** Of one login that is under way. */
  login(id: string): string;
  /** The id in the name of a login's cookie; `undefined` for any other cookie. */
  loginIdOf(name: string): string | undefined;
}

/**
 * `__Host-` ties a cookie to this host, to TLS and to all paths, whatever a neighbouring domain plants. Browsers have one jar for all
 * ports of a host, so on a loopback address the port is part of the name. Throws `RangeError` where no browser would keep such a cookie.
 */
export function cookieNames(product: string, origin: string): CookieNames {
  const { protocol, port } = new URL(origin);
  const local = isLoopback(origin);
  if (protocol !== 'https:' && !local)
    throw new RangeError(
      `${origin} is neither https nor a loopback address: browsers keep no secure cookie there`,
    );
  const suffix = local && port !== '' ? `-${port}` : '';
  const login = `__Host-${product}-login${suffix}.`;
  return {
    session: `__Host-${product}-sid${suffix}`,
    login: (id) => login + id,
    loginIdOf: (name) => (name.startsWith(login) ? name.slice(login.length) : undefined),
  };
}

/** Where browsers treat plain HTTP as secure. */
export function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin);
  return /^127(\.\d{1,3}){3}$|^\[::1\]$|^([\w-]+\.)*localhost$/.test(hostname);
}

/** `name=value` pairs as a browser sends them. A name that comes twice is ambiguous, and left out. */
export function parseCookies(header: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (header === undefined) return found;
  const twice = new Set<string>();
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals === -1 ? undefined : equals).trim();
    if (equals === -1 || name === '') continue;
    if (found.has(name)) twice.add(name);
    found.set(name, pair.slice(equals + 1).trim());
  }
  for (const name of twice) found.delete(name);
  return found;
}

export interface CookieOptions {
  readonly sameSite: 'Strict' | 'Lax';
  /** Default: as long as the browser is open. */
  readonly maxAgeSeconds?: number;
}

/** Browsers silently keep nothing that is longer. */
const MAX_COOKIE_BYTES = 4_096;

/** A `Set-Cookie` value. Throws `RangeError` for one that no browser keeps. */
export function formatCookie(
  name: string,
  value: string,
  { sameSite, maxAgeSeconds }: CookieOptions,
): string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  const text = `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${age}`;
  if (name.length + value.length > MAX_COOKIE_BYTES)
    throw new RangeError(`the cookie ${name} would have more than ${MAX_COOKIE_BYTES} bytes`);
  return text;
}

export function forgetCookie(name: string, sameSite: CookieOptions['sameSite']): string {
  return formatCookie(name, '', { sameSite, maxAgeSeconds: 0 });
}
