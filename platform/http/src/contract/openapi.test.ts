import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { requirePermission } from '@flotilla/auth';
import * as s from '@flotilla/kernel/schema';
import { startHost } from '../../test/fixture.ts';
import { defineRoute, describeRoutes, handle, noContent, ok } from '../index.ts';

const GOLDEN = join(import.meta.dirname, '../../test/openapi.golden.json');

const address = s.named('Address', s.object({ city: s.string({ examples: ['Graz'] }) }));
const customer = s.named(
  'Customer',
  s.object({
    id: s.string({ format: 'uuid' }),
    kind: s.literal('person'),
    email: s.string({ format: 'email', 'x-pii': true, description: 'Where receipts go' }),
    nickname: s.optional(s.nullable(s.string())),
    address: s.optional(address),
  }),
);
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
  operationId: 'changeCustomer',
  method: 'PUT',
  path: '/customers/:id/profile',
  summary: 'Change a customer',
  access: 'public',
  params: s.object({ id: s.string() }),
  headers: s.object({ 'if-match': s.optional(s.string()) }),
  documentedHeaders: s.object({ 'If-Match': s.string({ description: 'What is changed' }) }),
  body: s.object({ nickname: s.string({ maxLength: 40 }), address }),
  responses: { 200: customer, 204: null },
  responseHeaders: { 200: s.object({ ETag: s.string({ description: 'What it is now' }) }) },
  problems: {
    400: { codes: ['if-match-required'] },
    404: { codes: ['customer-unknown'] },
    409: {
      codes: ['name-taken'],
      members: s.named('NameProblem', s.object({ by: s.string() })),
      headers: s.object({ 'Retry-After': s.integer() }),
    },
  },
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

interface Response {
  readonly $ref?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, { readonly schema: unknown; readonly examples: object }>>;
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly required: boolean }[];
  readonly requestBody: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: Readonly<Record<string, Response>>;
}
interface Described {
  readonly paths: Readonly<Record<string, { readonly get: Operation; readonly put: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly additionalProperties?: false }>>;
  };
}

function describe(): Described {
  const options = { title: 'customer', version: '1.0.0', routes: [putCustomer, getCustomer] };
  return JSON.parse(JSON.stringify(describeRoutes(options))) as Described;
}

test('answers are open and requests closed, also where they share a named schema', () => {
  const { paths, components } = describe();
  assert.deepEqual(Object.keys(components.schemas).sort(), [
    'Address',
    'AddressInput',
    'Customer',
    'NameProblem',
    'Problem',
  ]);
  assert.equal(components.schemas['Address']?.additionalProperties, undefined);
  assert.equal(components.schemas['AddressInput']?.additionalProperties, false);
  const { put, get } = paths['/customers/{id}/profile'] ?? {};
  assert.deepEqual(put?.requestBody.content['application/json'].schema, {
    type: 'object',
    properties: {
      nickname: { type: 'string', maxLength: 40 },
      address: { $ref: '#/components/schemas/AddressInput' },
    },
    required: ['nickname', 'address'],
    additionalProperties: false,
  });
  for (const operation of [put, get])
    assert.deepEqual(operation?.responses['200']?.content['application/json']?.schema, {
      $ref: '#/components/schemas/Customer',
    });
});

test('a route names its operation, the headers it demands, its problems and the headers of its answers', () => {
  const { put, get } = describe().paths['/customers/{id}/profile'] ?? {};
  assert.deepEqual([put?.operationId, get?.operationId], ['changeCustomer', 'getCustomersIdProfile']);
  assert.deepEqual(put?.parameters.map(({ name, required }) => [name, required]).at(-1), ['If-Match', true]);
  assert.deepEqual(Object.keys(put?.responses ?? {}), ['200', '204', '400', '404', '409', 'default']);
  assert.deepEqual(Object.keys(get?.responses ?? {}), ['200', '400', '401', '403', 'default']);
  assert.equal(get?.responses['401']?.$ref, '#/components/responses/Unauthorized');
  const problems = (status: number) => put?.responses[status]?.content['application/problem+json'];
  assert.deepEqual(Object.keys(problems(400)?.examples ?? {}), [
    'validation-failed',
    'malformed-json',
    'if-match-required',
  ]);
  assert.deepEqual(problems(404)?.schema, { $ref: '#/components/schemas/Problem' });
  assert.deepEqual(problems(409)?.schema, { $ref: '#/components/schemas/NameProblem' });
  assert.deepEqual(Object.keys(put?.responses['409']?.headers ?? {}), ['X-Request-Id', 'Retry-After']);
  assert.deepEqual(Object.keys(put?.responses['200']?.headers ?? {}), ['X-Request-Id', 'ETag']);
});

test('two schemas of one name are a mistake that is told', () => {
  const other = defineRoute({
    method: 'GET',
    path: '/other',
    summary: 'Another',
    access: 'public',
    responses: {
      200: s.named('Customer', s.object({ id: s.integer() })),
      201: s.named('Customer', s.string()),
    },
  });
  const routes = [getCustomer, other];
  assert.throws(
    () => describeRoutes({ title: 'x', version: '1', routes }),
    /two different schemas are named Customer/,
  );
});

test('a host serves the document of its handlers', async (t) => {
  const { url } = await startHost(t, {
    service: 'customer',
    version: '1.0.0',
    handlers: [
      handle(getCustomer, async ({ params }) => ok({ id: params.id, kind: 'person', email: 'a@b.c' })),
      handle(putCustomer, async () => noContent()),
    ],
    verifyToken: () => Promise.reject(new Error('unused')),
  });
  const response = await fetch(`${url}/openapi.json`);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.deepEqual(await response.json(), JSON.parse(await readFile(GOLDEN, 'utf8')));
});
