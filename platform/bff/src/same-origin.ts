/** What a browser says about where a request comes from; `undefined` = it does not say. */
export interface Provenance {
  readonly 'sec-fetch-site'?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'x-csrf'?: string | undefined;
}

/**
 * Whether a request that a session's cookie came with may be carried out. A page of another site cannot add `X-CSRF` without asking first,
 * which is never granted; and a browser's own word about the origin must not contradict. A request with an effect must be proven to come
 * from here, so that silence is a refusal.
 */
export function isAllowed(
  headers: Provenance,
  {
    origin,
    hasEffect,
    needsHeader,
  }: { readonly origin: string; readonly hasEffect: boolean; readonly needsHeader: boolean },
): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (headers.origin !== undefined && headers.origin !== origin) return false;
  if ((hasEffect || needsHeader) && headers['x-csrf'] !== '1') return false;
  return !hasEffect || site !== undefined || headers.origin !== undefined;
}

/** GET and HEAD change nothing, here and in every service behind. */
export function hasEffect(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
