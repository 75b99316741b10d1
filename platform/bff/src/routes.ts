import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';

/** What a browser says of itself with each request. `Cookie` and `Sec-Fetch-Site` no page can set. */
export const browserHeaders = s.object({
  cookie: s.optional(s.string({ maxLength: 16_384 })),
  origin: s.optional(s.string({ maxLength: 2_048 })),
  'sec-fetch-site': s.optional(s.string({ maxLength: 64 })),
  'x-csrf': s.optional(s.string({ maxLength: 64 })),
});

/** The part of them that documents show: the rest is the browser's own. */
export const documentedBrowserHeaders = s.object({
  'X-CSRF': s.string({ description: 'Always `1`: no other site can send it.', examples: ['1'] }),
});

const csrf = { 403: { codes: ['csrf'] } };

export const getSessionUser = defineRoute({
  operationId: 'getSessionUser',
  method: 'GET',
  path: '/bff/user',
  summary: 'Who is signed in in this browser',
  access: 'public',
  headers: browserHeaders,
  documentedHeaders: documentedBrowserHeaders,
  responses: {
    200: s.named(
      'BrowserSession',
      s.object({
        user: s.object({
          id: s.string(),
          name: s.nullable(s.string({ 'x-pii': true, examples: ['Alice'] })),
          email: s.nullable(s.string({ 'x-pii': true, examples: ['alice@example.com'] })),
          tenantId: s.nullable(s.string({ examples: ['acme'] })),
        }),
        expiresIn: s.integer({ description: 'Seconds until the session ends if nobody uses it.' }),
        logoutUrl: s.string({ description: 'Where to POST to sign out.', examples: ['/bff/logout'] }),
      }),
    ),
  },
  problems: { ...csrf, 401: { codes: ['unauthorized'] } },
});

export const logOutBrowser = defineRoute({
  operationId: 'logOutBrowser',
  method: 'POST',
  path: '/bff/logout',
  summary: 'Sign out in this browser, and end the session at the issuer',
  access: 'public',
  headers: browserHeaders,
  documentedHeaders: documentedBrowserHeaders,
  responses: { 204: null },
  problems: csrf,
  idempotent: true,
});
