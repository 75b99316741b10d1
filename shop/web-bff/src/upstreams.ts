/** Below which paths the session's token goes on to which service. Whatever is not here cannot be reached with a cookie. */
export const UPSTREAMS: readonly (readonly [prefix: string, service: string])[] = [
  ['/cart', 'cart'],
  ['/me', 'user'],
  ['/me/email-verification', 'identity'],
  ['/me/password', 'identity'],
  ['/me/recommendations', 'recommendation'],
  ['/me/sessions', 'identity'],
  ['/me/viewed', 'recommendation'],
  ['/orders', 'order'],
  ['/quotes', 'pricing'],
];
