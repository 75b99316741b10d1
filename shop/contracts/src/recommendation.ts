import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { pageQuery, productId } from './common.ts';
import { productSchema } from './inventory.ts';

const suggestions = s.named('Suggestions', s.object({ items: s.array(productSchema) }));
const query = s.object({ limit: pageQuery.limit });
const byProduct = s.object({ id: productId });
const cached = s.object({ 'Cache-Control': s.string({ examples: ['public, max-age=60'] }) });

export const listAlsoBought = defineRoute({
  operationId: 'listAlsoBought',
  method: 'GET',
  path: '/products/:id/also-bought',
  priority: 'sheddable',
  summary: 'What those who bought a product also bought; the best first, 10 unless `limit` says more',
  access: 'public',
  params: byProduct,
  query,
  responses: { 200: suggestions },
  responseHeaders: { 200: cached },
  problems: { 404: { codes: ['product-not-found'] } },
});

export const listPopular = defineRoute({
  operationId: 'listPopular',
  method: 'GET',
  path: '/recommendations',
  priority: 'sheddable',
  summary: 'What most customers bought: for those of whom nothing is known',
  access: 'public',
  query,
  responses: { 200: suggestions },
  responseHeaders: { 200: cached },
});

export const listRecommendations = defineRoute({
  operationId: 'listRecommendations',
  method: 'GET',
  path: '/me/recommendations',
  priority: 'sheddable',
  summary:
    'What may be of use to the caller, by what they bought and looked at; what they have is not among it',
  access: authenticated,
  query,
  responses: { 200: suggestions },
});

export const listViewed = defineRoute({
  operationId: 'listViewed',
  method: 'GET',
  path: '/me/viewed',
  priority: 'sheddable',
  summary: 'Products that the caller has looked at, the last one first',
  access: authenticated,
  query,
  responses: { 200: suggestions },
});

export const noteViewed = defineRoute({
  operationId: 'noteViewed',
  method: 'PUT',
  path: '/me/viewed/:id',
  priority: 'sheddable',
  idempotent: true,
  summary: 'The caller looks at a product',
  access: authenticated,
  params: byProduct,
  responses: { 204: null },
});

export const forgetViewed = defineRoute({
  operationId: 'forgetViewed',
  method: 'DELETE',
  path: '/me/viewed',
  idempotent: true,
  summary: 'Forget what the caller has looked at',
  access: authenticated,
  responses: { 204: null },
});
