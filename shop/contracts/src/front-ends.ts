import { authenticated } from '@flotilla/auth';
import { browserHeaders, documentedBrowserHeaders } from '@flotilla/bff/routes';
import { defineRoute } from '@flotilla/http';
import type { Schema } from '@flotilla/kernel';
import * as s from '@flotilla/kernel/schema';
import { moneySchema, orderId, productId, timestamp } from './common.ts';
import { orderStatus as status } from './order.ts';

/*
 * Pages made for one kind of client each, of parts that several services have. A part that is missing is null and named in `degraded`: a
 * page is never lost for one part.
 */

const degraded = s.array(s.string(), {
  description: 'Parts that are missing now.',
  examples: [['recentOrders']],
});

export const productCardSchema = s.named(
  'ProductCard',
  s.object({
    id: productId,
    name: s.string({ examples: ['Trail jacket'] }),
    price: moneySchema,
    imageUrl: s.string({ format: 'uri-reference' }),
    thumbnailUrl: s.string({ format: 'uri-reference' }),
    available: s.boolean(),
  }),
);

export const orderCardSchema = s.named(
  'OrderCard',
  s.object({ id: orderId, status, total: moneySchema, createdAt: timestamp }),
);

export const getWebHome = defineRoute({
  operationId: 'getWebHome',
  method: 'GET',
  path: '/web/home',
  priority: 'sheddable',
  summary: 'The first page in a browser, for whoever is signed in or for nobody',
  access: 'public',
  headers: browserHeaders,
  documentedHeaders: s.object({}),
  responses: {
    200: s.named(
      'WebHome',
      s.object({
        user: s.nullable(
          s.object({ id: s.string(), name: s.nullable(s.string()), email: s.nullable(s.string()) }),
        ),
        recentOrders: s.nullable(s.array(orderCardSchema, { maxItems: 20 })),
        featuredProducts: s.nullable(s.array(productCardSchema, { maxItems: 50 })),
        recommendations: s.nullable(s.array(productCardSchema, { maxItems: 12 })),
        degraded,
      }),
    ),
  },
  problems: { 401: { codes: ['unauthorized'] }, 403: { codes: ['csrf'] } },
});

export const getMobileHome = defineRoute({
  operationId: 'getMobileHome',
  method: 'GET',
  path: '/mobile/home',
  priority: 'sheddable',
  summary: 'The first page of the app for phones',
  access: authenticated,
  responses: {
    200: s.named(
      'MobileHome',
      s.object({
        user: s.object({ name: s.nullable(s.string({ 'x-pii': true })) }),
        recentOrders: s.nullable(
          s.array(s.object({ id: orderId, status, total: moneySchema }), { maxItems: 5 }),
        ),
        featuredProducts: s.nullable(
          s.array(
            s.object({
              id: productId,
              name: s.string(),
              price: moneySchema,
              imageUrl: s.string({ format: 'uri-reference', description: 'The small picture.' }),
            }),
            { maxItems: 10 },
          ),
        ),
        degraded,
      }),
    ),
  },
});

export const getSitemap = defineRoute({
  operationId: 'getSitemap',
  method: 'GET',
  path: '/sitemap.xml',
  priority: 'sheddable',
  summary: 'The pages that search engines may know',
  access: 'public',
  produces: 'application/xml',
  responses: { 200: s.string() },
  responseHeaders: {
    200: s.object({ 'Cache-Control': s.string({ examples: ['public, max-age=600'] }) }),
  },
});

/** Names by the web-vitals library; CLS is a number without a unit, the others are milliseconds. */
export const webVitalNames = ['CLS', 'FCP', 'INP', 'LCP', 'TTFB'] as const;

/** Kinds of pages, so that what is measured has few names whatever addresses there are. */
export const pageKinds = [
  'home',
  'search',
  'product',
  'basket',
  'checkout',
  'purchases',
  'purchase',
  'account',
  'other',
] as const;

const measured: Schema<number> = { type: 'number', minimum: 0, maximum: 600_000, examples: [1_240] };

export const reportVitals = defineRoute({
  operationId: 'reportVitals',
  method: 'POST',
  path: '/bff/vitals',
  priority: 'sheddable',
  summary: 'How fast pages were for somebody, measured in the browser',
  access: 'public',
  headers: browserHeaders,
  documentedHeaders: documentedBrowserHeaders,
  body: s.object({
    page: s.oneOf(pageKinds, { examples: ['product'] }),
    vitals: s.array(s.object({ name: s.oneOf(webVitalNames, { examples: ['LCP'] }), value: measured }), {
      minItems: 1,
      maxItems: 10,
    }),
  }),
  responses: { 204: null },
  problems: { 403: { codes: ['csrf'] } },
});
