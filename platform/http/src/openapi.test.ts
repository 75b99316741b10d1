import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { requirePermission } from '@flotilla/auth';
import * as s from '@flotilla/kernel/schema';
import { startHost } from '../test/fixture.ts';
import { defineRoute, describeRoutes, handle, noContent, ok } from './index.ts';

const GOLDEN = join(import.meta.dirname, '../test/openapi.golden.json');

const customer = s.object({
  id: s.string({ format: 'uuid' }),
  email: s.string({ format: 'email', 'x-pii': true, description: 'Where receipts go' }),
  nickname: s.optional(s.nullable(s.string())),
});
const getCustomer = defineRoute({
  method: 'GET',
  path: '/customers/:id/profile',
  summary: 'One customer',
  access: requirePermission('customers.read'),
  params: s.object({ id: s.string({ format: 'uuid', description: 'Their id' }) }),
  query: s.object({ expand: s.optional(s.oneOf(['orders', 'cart'])) }),
  headers: s.object({ 'if-none-match': s.optional(s.string()) }),
  responses: { 200: customer },
});
const putCustomer = defineRoute({
  method: 'PUT',
  path: '/customers/:id/profile',
  summary: 'Change a customer',
  access: 'public',
  params: s.object({ id: s.string() }),
  body: s.object({ nickname: s.string({ maxLength: 40 }) }),
  responses: { 200: customer, 204: null },
});

test('the document of these routes is the golden one', async () => {
  const document = describeRoutes({
    title: 'customer',
    version: '1.0.0',
    routes: [getCustomer, putCustomer],
  });
  const golden: unknown = JSON.parse(await readFile(GOLDEN, 'utf8'));
  assert.deepEqual(JSON.parse(JSON.stringify(document)), golden);
});

test('a host serves the document of its handlers', async (t) => {
  const { url } = await startHost(t, {
    service: 'customer',
    version: '1.0.0',
    handlers: [
      handle(getCustomer, async ({ params }) => ok({ id: params.id, email: 'a@b.c' })),
      handle(putCustomer, async () => noContent()),
    ],
    verifyToken: () => Promise.reject(new Error('unused')),
  });
  const response = await fetch(`${url}/openapi.json`);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.deepEqual(await response.json(), JSON.parse(await readFile(GOLDEN, 'utf8')));
});
