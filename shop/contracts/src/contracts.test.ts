import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Route } from '@flotilla/http';
import { createValidator, type Schema } from '@flotilla/kernel';
import { tolerant } from '@flotilla/kernel/schema';
import type { MessageType } from '@flotilla/messaging';
import { file_inventory } from '../gen/inventory_pb.ts';
import { breakingChanges } from './compatibility.ts';
import * as contracts from './index.ts';
import { eventDocuments, inventoryReserved, orderFactId, paymentProcessed } from './index.ts';

/**
 * `fixtures/published.json` is what others may already have built against. After a compatible change, bring it
 * up to date with `UPDATE_PUBLISHED=1 npm test -- shop/contracts`; it is refused while a change is breaking.
 */
type JsonSchema = Record<string, unknown>;
interface Published {
  readonly messages: Record<string, JsonSchema>;
  readonly routes: Record<
    string,
    { readonly request: JsonSchema; readonly responses: Record<string, JsonSchema> }
  >;
  readonly proto: Record<string, string>;
}

const fixtures = new URL('../fixtures/', import.meta.url);
const exported: readonly unknown[] = Object.values(contracts);
const messages = exported.filter(
  (value): value is MessageType<unknown> =>
    typeof value === 'object' && value !== null && 'type' in value && 'key' in value,
);
const routes = exported.filter(
  (value): value is Route =>
    typeof value === 'object' && value !== null && 'method' in value && 'responses' in value,
);

function current(): Published {
  const plain = JSON.stringify({
    messages: Object.fromEntries(messages.map((message) => [message.type, tolerant(message.schema)])),
    routes: Object.fromEntries(
      routes.map((route) => [`${route.method} ${route.path}`, describeRoute(route)]),
    ),
    proto: protoFields(),
  });
  return JSON.parse(plain) as Published;
}

function describeRoute({ params, query, headers, body, responses }: Route): unknown {
  const parts = Object.entries({ params, query, headers, body }).filter(([, schema]) => schema !== undefined);
  return {
    request: {
      type: 'object',
      properties: Object.fromEntries(parts),
      required: parts.filter(([name, schema]) => name === 'body' || needsAny(schema)).map(([name]) => name),
    },
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, schema]) => [status, schema && tolerant(schema)]),
    ),
  };
}

/** Headers that may all be missing are no part that anybody has to send. */
function needsAny(schema: JsonSchema | undefined): boolean {
  const required = schema?.['required'];
  return !Array.isArray(required) || required.length > 0;
}

/** Pointers to required values that nobody could fill in by the document alone. */
function withoutExample(schema: JsonSchema, path: string): readonly string[] {
  if (Array.isArray(schema['examples'])) return [];
  if (schema['type'] === 'array') return withoutExample(schema['items'] as JsonSchema, `${path}/0`);
  if (schema['type'] !== 'object') return [path];
  const properties = schema['properties'] as Record<string, JsonSchema>;
  return (schema['required'] as readonly string[]).flatMap((name) =>
    withoutExample(properties[name] ?? {}, `${path}/${name}`),
  );
}

function schemasWithExamples(value: unknown): readonly Schema<unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.entries(value).flatMap(([key, held]) =>
    key === 'examples' ? [] : schemasWithExamples(held),
  );
  return 'examples' in value ? [value, ...inside] : inside;
}

function protoFields(): Record<string, string> {
  const fields = file_inventory.messages.flatMap((message) =>
    message.fields.map((field) => [
      `${message.typeName}.${field.name}`,
      `${field.number} ${field.fieldKind} ${field.scalar ?? ''}`.trim(),
    ]),
  );
  const methods = file_inventory.services.flatMap((service) =>
    service.methods.map((method) => [
      `${service.typeName}/${method.name}`,
      `${method.methodKind} ${method.input.typeName} ${method.output.typeName}`,
    ]),
  );
  return Object.fromEntries([...fields, ...methods]) as Record<string, string>;
}

function changesSince(published: Published, now: Published): readonly string[] {
  const schemas = (
    name: string,
    before: JsonSchema,
    after: JsonSchema | undefined,
    side: 'reader' | 'writer',
  ): readonly string[] =>
    after
      ? breakingChanges(before, after, side).map((change) => `${name} ${change}`)
      : [`${name} was removed`];
  return [
    ...Object.entries(published.messages).flatMap(([type, before]) =>
      schemas(type, before, now.messages[type], 'reader'),
    ),
    ...Object.entries(published.routes).flatMap(([name, before]) => [
      // A header that nobody reads any more breaks nobody who sends it.
      ...schemas(name, before.request, now.routes[name]?.request, 'writer').filter(
        (change) => !/ \/headers(?:\/[\w-]+)?: was removed$/.test(change),
      ),
      ...Object.entries(before.responses).flatMap(([status, schema]) =>
        schemas(`${name} ${status}`, schema ?? {}, now.routes[name]?.responses[status] ?? {}, 'reader'),
      ),
    ]),
    ...Object.entries(published.proto).flatMap(([name, before]) =>
      now.proto[name] === before ? [] : [`${name} was ${before}, is ${now.proto[name]}`],
    ),
  ];
}

describe('the contracts', () => {
  it('have been looked at', () => {
    assert.ok(messages.length >= 17, `only ${messages.length} messages`);
    assert.ok(routes.length >= 20, `only ${routes.length} routes`);
  });

  it('name each operation as they are named here', () => {
    const names = Object.entries(contracts).filter(([, value]) => routes.some((route) => route === value));
    assert.deepEqual(
      names.map(([, route]) => (route as Route).operationId),
      names.map(([name]) => name),
    );
  });

  it('have examples that are valid, and one for each required part of a public request', () => {
    for (const { path, body } of routes.filter((route) => !route.path.startsWith('/internal'))) {
      const missing = body === undefined ? [] : withoutExample(body, '');
      // A refresh token is given by logging in.
      assert.deepEqual(
        missing.filter((pointer) => pointer !== '/refreshToken'),
        [],
        path,
      );
    }
    for (const schema of schemasWithExamples(
      routes.map(({ params, query, documentedHeaders, body, responses }) => [
        params,
        query,
        documentedHeaders,
        body,
        responses,
      ]),
    ))
      for (const example of schema['examples'] as readonly unknown[])
        assert.equal(createValidator(schema)(example).ok, true, JSON.stringify(schema));
  });

  it('do not break anybody who was built against the published ones', () => {
    const now = current();
    const file = new URL('published.json', fixtures);
    const published = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Published) : now;
    assert.deepEqual(changesSince(published, now), []);
    if (process.env['UPDATE_PUBLISHED'] === '1') writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`);
    else
      assert.deepEqual(
        now,
        published,
        'compatible, but not yet published: see the comment on top of this test',
      );
  });

  for (const message of messages) {
    it(`still reads the golden ${message.type}`, () => {
      const golden: unknown = JSON.parse(readFileSync(new URL(`${message.type}.json`, fixtures), 'utf8'));
      assert.deepEqual(createValidator(message.schema)(golden), { ok: true, value: golden });
      const fromTheFuture = { ...(golden as object), addedLater: true };
      assert.equal(createValidator(tolerant(message.schema))(fromTheFuture).ok, true);
      assert.ok(message.key(golden).length > 0);
    });
  }

  it('are described to foreign consumers, each event with a schema of its own that fits its golden sample', () => {
    const documents = eventDocuments();
    const paths = messages.map(({ type }) => `/docs/events/${type}.json`);
    assert.deepEqual(Object.keys(documents).sort(), ['/docs/asyncapi.json', ...paths].sort());
    for (const { type } of messages) {
      const golden = JSON.parse(readFileSync(new URL(`${type}.json`, fixtures), 'utf8')) as object;
      const { $schema, ...schema } = documents[`/docs/events/${type}.json`] as JsonSchema;
      assert.match(String($schema), /2020-12/);
      assert.equal(createValidator(schema)({ ...golden, addedLater: true }).ok, true, type);
    }
  });

  it('has one message id for one fact of one order', () => {
    const [one, other] = [{ orderId: 'one' }, { orderId: 'other' }];
    assert.equal(orderFactId(inventoryReserved, one), orderFactId(inventoryReserved, { ...one }));
    assert.notEqual(orderFactId(inventoryReserved, one), orderFactId(inventoryReserved, other));
    const paid = { ...one, paymentId: 'p' };
    assert.notEqual(orderFactId(inventoryReserved, one), orderFactId(paymentProcessed, paid));
  });
});
