import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { createValidator } from '@flotilla/kernel';
import { type RunningSystem, signingOutLast } from './running-system.ts';

type Json = Readonly<Record<string, unknown>>;

interface Media {
  readonly schema: Json;
  readonly examples?: Json;
}
interface Response {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Json;
}
interface Operation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
}
interface Document {
  readonly servers: unknown;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Json & { readonly responses: Readonly<Record<string, Response>> };
}

/** What the merged document says is so: of each operation with the page's own example, and with bent ones. */
export const documents = (running: () => RunningSystem) => (): void => {
  let url: string;
  let token: string;
  let document: Document;
  let exampleOf: (schema: Json) => unknown;
  before(async () => {
    url = running().url;
    token = await running().newcomer();
    const text = await (await fetch(`${url}/docs/openapi.json`)).text();
    document = JSON.parse(text) as Document;
    exampleOf = await pageOf(url, text);
  });

  function responseOf({ responses }: Operation, status: number): Response {
    const declared = responses[status] ?? (status >= 400 ? responses['default'] : undefined);
    assert.ok(declared, `the status ${status} is not declared`);
    const name = /^#\/components\/responses\/(.+)$/.exec(declared.$ref ?? '')?.[1];
    const found = name === undefined ? declared : document.components.responses[name];
    assert.ok(found);
    return found;
  }

  /** Asks, and holds the answer against the document. */
  async function ask(operation: Operation, method: string, path: string, init: RequestInit): Promise<number> {
    const answer = await fetch(url + path, { ...init, method: method.toUpperCase() });
    const text = await answer.text();
    const what = `${operation.operationId} answered ${answer.status} ${text.slice(0, 300)}`;
    assert.ok(answer.status < 500, what);
    const { content, headers = {} } = responseOf(operation, answer.status);
    for (const [name, { required }] of Object.entries(headers))
      if (required) assert.ok(answer.headers.has(name), `${what} without ${name}`);
    assert.ok(answer.headers.has('x-request-id'), what);
    const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
    if (content === undefined) assert.equal(text, '', what);
    else {
      const media = content[type];
      assert.ok(media, `${what} as ${type}`);
      if (type.includes('json')) assertFits(media, JSON.parse(text) as { readonly code?: string }, what);
    }
    return answer.status;
  }

  function assertFits({ schema, examples }: Media, body: { readonly code?: string }, what: string): void {
    const checked = createValidator({ ...schema, components: document.components })(body);
    assert.ok(checked.ok, `${what}: ${JSON.stringify(checked.ok ? [] : checked.rejection)}`);
    if (examples !== undefined)
      assert.ok(Object.hasOwn(examples, body.code ?? ''), `${what}: its code is not listed`);
  }

  const operations = (): readonly (readonly [path: string, method: string, operation: Operation])[] =>
    signingOutLast(
      Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => [path, method, operation] as const),
      ),
      ([path, method]) => [method, path],
    );

  const bearer = () => ({ authorization: `Bearer ${token}` });

  /** As the page sends it. What only an answer can teach, the id of an order, is one that nobody has. */
  function request(path: string, operation: Operation): Sent {
    const { parameters = [], requestBody, security } = operation;
    const exampleFor = (name: string) => exampleOf(parameters.find((one) => one.name === name)?.schema ?? {});
    const target = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(exampleFor(name) || 'nobodys'));
    const demanded = parameters.filter((one) => one.in === 'header' && one.required);
    const headers = {
      ...(security.length > 0 && bearer()),
      ...Object.fromEntries(demanded.map(({ name }) => [name, randomUUID()])),
    };
    const media = requestBody?.content['application/json'];
    if (media === undefined) return { target, headers };
    return { target, headers: { ...headers, ...JSON_TYPE }, body: JSON.stringify(exampleOf(media.schema)) };
  }

  /** The same request with one thing wrong with it each. */
  function bent(path: string, good: Sent): readonly Sent[] {
    const { target, headers, body } = good;
    return [
      { ...good, target: `${target}?never=declared` },
      { ...good, headers: body === undefined ? {} : JSON_TYPE },
      { ...good, target: path.replaceAll(/\{\w+\}/g, 'never-there') },
      ...(body === undefined
        ? []
        : ['{"never":"declared"}', '{', ''].map((wrong) => ({ ...good, body: wrong }))),
      ...(body === undefined ? [] : [{ ...good, headers: { ...headers, 'content-type': 'text/plain' } }]),
      ...(body === undefined ? [] : [{ ...good, headers: { ...JSON_TYPE, ...bearer() } }]),
    ];
  }

  it('the document says where it was read, and the type of each constant', () => {
    assert.deepEqual(document.servers, [{ url: '/' }]);
    const constants = [...schemasIn(document)].filter((schema) => 'const' in schema);
    assert.deepEqual(
      constants.filter((schema) => !('type' in schema)),
      [],
    );
    assert.ok(constants.length > 0);
  });

  it('answers may grow, orders are one type, and no client is asked for what the gateway sets', () => {
    const order = { $ref: '#/components/schemas/Order' };
    for (const [path, , { operationId, parameters = [], responses }] of operations()) {
      const closed = [...schemasIn(responses)].filter((schema) => schema['additionalProperties'] === false);
      assert.deepEqual(closed, [], operationId);
      assert.ok(!parameters.some(({ name }) => /^x-forwarded/i.test(name)), operationId);
      const bodies = [responses[201], responses[202]].map(
        (one) => one?.content?.['application/json']?.schema,
      );
      if (/^\/orders|checkout$/.test(path))
        for (const schema of bodies)
          assert.ok(schema === undefined || schema['$ref'] === order.$ref, operationId);
    }
  });

  it('what follows from input and access is declared', () => {
    for (const [, , { operationId, requestBody, responses, security }] of operations()) {
      assert.ok(requestBody === undefined || responses[400], operationId);
      assert.ok(security.length === 0 || (responses[401] && responses[403]), operationId);
    }
  });

  it('each operation answers as declared, to its example and to what is wrong with it', async () => {
    const seen = new Set<string>();
    for (const [path, method, operation] of operations()) {
      const good = request(path, operation);
      for (const { target, ...init } of [good, ...bent(path, good)])
        seen.add(`${operation.operationId} ${await ask(operation, method, target, init)}`);
    }
    for (const good of [
      'placeOrder 202',
      'signUp 201',
      'logIn 200',
      'putCartItem 200',
      'getProductImage 200',
    ])
      assert.ok(seen.has(good), `${good} in ${[...seen].join(', ')}`);
  });
};

interface Sent {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };

function* schemasIn(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Json;
  for (const [key, held] of Object.entries(value)) if (key !== 'examples') yield* schemasIn(held);
}

/** The examples that the page of `/docs` makes, by its own script: there is no browser here, and it needs none for that. */
async function pageOf(url: string, document: string): Promise<(schema: Json) => unknown> {
  const html = await (await fetch(`${url}/docs`)).text();
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(html) ?? [];
  const nothing = () => undefined;
  const page = createContext({
    document: { getElementById: () => ({ addEventListener: nothing }) },
    addEventListener: nothing,
    fetch: () => new Promise(nothing),
  });
  runInContext(`${script}\ndescription = ${document};`, page);
  return (schema) =>
    JSON.parse(String(runInContext(`JSON.stringify(example(${JSON.stringify(schema)}))`, page))) as unknown;
}
