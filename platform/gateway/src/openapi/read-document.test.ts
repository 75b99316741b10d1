import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_YAML_BYTES, readDocument } from './read-document.ts';

const PATHS = { '/a': { get: { responses: { 200: { description: 'ok' } } } } };

describe('a document of a service', () => {
  it('is OpenAPI 3 in JSON or YAML', async () => {
    assert.deepEqual(await readDocument(JSON.stringify({ openapi: '3.1.0', paths: PATHS })), {
      openapi: '3.1.0',
      paths: PATHS,
    });
    const yaml = `# of the service
openapi: 3.0
paths:
  /a:
    get:
      responses:
        200: &ok
          description: ok
        default: *ok
`;
    const ok = { description: 'ok' };
    assert.deepEqual(await readDocument(yaml), {
      openapi: '3',
      paths: { '/a': { get: { responses: { 200: ok, default: ok } } } },
    });
  });

  it('is nothing else', async () => {
    for (const text of ['{}', '[]', 'null', '"text"', 'a: b', '{"openapi":"4.0.0","paths":{}}', ''])
      assert.equal(await readDocument(text), undefined, text);
    await assert.rejects(readDocument('{"openapi":'));
    await assert.rejects(readDocument('a: [b'));
  });

  it('is no YAML that would take long, or say more than it has', async () => {
    await assert.rejects(
      readDocument(`openapi: 3.0.0\npaths: {}\n#${'x'.repeat(MAX_YAML_BYTES)}`),
      RangeError,
    );
    const bomb = [
      'a: &a [x, x]',
      ...Array.from('bcdefghij', (name, at) => {
        const before = 'abcdefghi'[at];
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`;
      }),
    ];
    await assert.rejects(readDocument(`${bomb.join('\n')}\nopenapi: 3.0.0\npaths: {}\n`));
    await assert.rejects(readDocument('openapi: 3.0.0\npaths: &p\n  /a: *p\n'));
  });
});

describe('a document of Swagger 2.0', () => {
  const swagger = {
    swagger: '2.0',
    info: { title: 'Orders', version: '1' },
    host: 'orders.internal',
    basePath: '/api',
    schemes: ['https'],
    consumes: ['application/json'],
    produces: ['application/json', 'text/json'],
    securityDefinitions: { key: { type: 'apiKey', in: 'header', name: 'X' } },
    parameters: {
      Page: { name: 'page', in: 'query', type: 'integer', minimum: 1 },
      Order: { name: 'order', in: 'body', schema: { $ref: '#/definitions/Order' } },
    },
    responses: { Gone: { description: 'gone', schema: { type: 'file' } } },
    definitions: {
      Order: {
        type: 'object',
        discriminator: 'kind',
        properties: { kind: { type: 'string' }, note: { type: 'string', 'x-nullable': true } },
      },
    },
    paths: {
      '/orders/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, type: 'string', format: 'uuid' }],
        get: {
          operationId: 'find',
          parameters: [
            { $ref: '#/parameters/Page' },
            { name: 'tag', in: 'query', type: 'array', items: { type: 'string' } },
            { name: 'any', in: 'query', type: 'array', items: { type: 'string' }, collectionFormat: 'multi' },
          ],
          responses: {
            200: {
              description: 'ok',
              schema: { type: 'array', items: { $ref: '#/definitions/Order' } },
              headers: { 'X-Count': { description: 'all', type: 'integer' } },
              examples: { 'text/json': [] },
            },
            410: { $ref: '#/responses/Gone' },
          },
        },
        put: {
          parameters: [{ $ref: '#/parameters/Order' }],
          responses: { 204: { description: 'done' } },
        },
        post: {
          consumes: ['multipart/form-data'],
          parameters: [
            { name: 'file', in: 'formData', type: 'file', required: true, description: 'the scan' },
            { name: 'note', in: 'formData', type: 'string' },
          ],
          responses: { 201: { description: 'made' } },
        },
      },
    },
  };
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };
  const order = { $ref: '#/components/schemas/Order' };
  const texts = { type: 'array', items: { type: 'string' } };
  const file = { type: 'string', format: 'binary' };
  const orders = { schema: { type: 'array', items: order } };
  const expected = {
    openapi: '3.0.3',
    info: { title: 'Orders', version: '1' },
    servers: [{ url: 'https://orders.internal/api' }],
    paths: {
      '/orders/{id}': {
        get: {
          operationId: 'find',
          parameters: [
            id,
            { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1 } },
            { name: 'tag', in: 'query', schema: texts, style: 'form', explode: false },
            { name: 'any', in: 'query', schema: texts, style: 'form', explode: true },
          ],
          responses: {
            200: {
              description: 'ok',
              headers: { 'X-Count': { description: 'all', schema: { type: 'integer' } } },
              content: { 'application/json': orders, 'text/json': { ...orders, example: [] } },
            },
            410: { $ref: '#/components/responses/Gone' },
          },
        },
        put: {
          parameters: [id],
          requestBody: { required: false, content: { 'application/json': { schema: order } } },
          responses: { 204: { description: 'done' } },
        },
        post: {
          parameters: [id],
          requestBody: {
            required: true,
            content: {
              'multipart/form-data': {
                schema: {
                  type: 'object',
                  properties: { file: { ...file, description: 'the scan' }, note: { type: 'string' } },
                  required: ['file'],
                },
              },
            },
          },
          responses: { 201: { description: 'made' } },
        },
      },
    },
    components: {
      schemas: {
        Order: {
          type: 'object',
          discriminator: { propertyName: 'kind' },
          properties: { kind: { type: 'string' }, note: { type: 'string', nullable: true } },
        },
      },
      parameters: { Page: { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1 } } },
      responses: {
        Gone: {
          description: 'gone',
          content: { 'application/json': { schema: file }, 'text/json': { schema: file } },
        },
      },
    },
  };

  it('becomes one of OpenAPI 3.0', async () => {
    assert.deepEqual(await readDocument(JSON.stringify(swagger)), expected);
  });

  it('in YAML, too, with its version as a number', async () => {
    const yaml = JSON.stringify(swagger).replace('"swagger":"2.0"', '"swagger":2.0');
    assert.deepEqual(await readDocument(`# yaml\n${yaml}`), expected);
  });
});
