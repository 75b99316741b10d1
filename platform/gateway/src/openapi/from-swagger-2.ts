import { isRecord } from '@flotilla/kernel';
import { METHODS } from '../wire/rules/request.ts';
import { type JsonObject, listAt, mapObjects, objectAt } from './json-object.ts';

const OPERATIONS = METHODS.map((method) => method.toLowerCase());
const JSON_ALONE = ['application/json'];
const MULTIPART = 'multipart/form-data';
const FORM = 'application/x-www-form-urlencoded';

/**
 * A Swagger 2.0 document as OpenAPI 3.0. Security is left out, for the gateway says its own; arrays that are divided by tabs
 * are shown as divided by commas.
 */
export function fromSwagger2(document: JsonObject): JsonObject {
  const paths = mapValues(objectAt(document, 'paths'), (item) => itemOf(item, document));
  const shared = Object.entries(objectAt(document, 'parameters')).filter(
    ([, one]) => isRecord(one) && !isBody(one),
  );
  const parameters = mapValues(Object.fromEntries(shared), parameterOf);
  const responses = mapValues(objectAt(document, 'responses'), (one) =>
    responseOf(one, textsAt(document, 'produces')),
  );
  const whole = {
    openapi: '3.0.3',
    info: objectAt(document, 'info'),
    servers: [{ url: serverOf(document) }],
    paths,
    components: { schemas: objectAt(document, 'definitions'), parameters, responses },
  };
  return objectAt({ whole: mapObjects(whole, renewed) }, 'whole');
}

function serverOf(document: JsonObject): string {
  const { host, basePath } = document;
  const path = typeof basePath === 'string' ? basePath : '/';
  const [scheme = 'http'] = textsAt(document, 'schemes') ?? [];
  return typeof host === 'string' ? `${scheme}://${host}${path}` : path;
}

function itemOf(item: JsonObject, document: JsonObject): JsonObject {
  const shared = listAt(item, 'parameters');
  const operations = OPERATIONS.filter((method) => isRecord(item[method])).map(
    (method) => [method, operationOf(objectAt(item, method), shared, document)] as const,
  );
  return Object.fromEntries(operations);
}

/** Parameters of the item become those of each operation, since a body among them is no parameter any more. */
function operationOf(operation: JsonObject, shared: readonly JsonObject[], document: JsonObject): JsonObject {
  const { consumes: _in, produces: _out, schemes: _schemes, parameters: _before, ...kept } = operation;
  const all = new Map<string, JsonObject>();
  for (const given of [...shared, ...listAt(operation, 'parameters')]) {
    const parameter = resolved(given, document);
    all.set(`${String(parameter['in'])} ${String(parameter['name'])}`, parameter);
  }
  const parameters = [...all.values()].filter((parameter) => !isBody(parameter)).map(parameterOf);
  const consumes = textsAt(operation, 'consumes') ?? textsAt(document, 'consumes');
  const requestBody = requestBodyOf([...all.values()].filter(isBody), consumes);
  const produces = textsAt(operation, 'produces') ?? textsAt(document, 'produces');
  return {
    ...kept,
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: mapValues(objectAt(operation, 'responses'), (response) => responseOf(response, produces)),
  };
}

function resolved(parameter: JsonObject, document: JsonObject): JsonObject {
  const [, name] = /^#\/parameters\/(.+)$/.exec(String(parameter['$ref'])) ?? [];
  return name === undefined ? parameter : objectAt(objectAt(document, 'parameters'), name);
}

function isBody(parameter: JsonObject): boolean {
  return parameter['in'] === 'body' || parameter['in'] === 'formData';
}

const OF_PARAMETER = ['name', 'in', 'description', 'required', 'allowEmptyValue', 'deprecated'];

/** What describes its value moves into a schema. */
function parameterOf(parameter: JsonObject): JsonObject {
  const { collectionFormat, schema: _none, ...given } = parameter;
  const own = Object.entries(given).filter(([key]) => OF_PARAMETER.includes(key));
  return {
    ...Object.fromEntries(own),
    schema: typeOf(given),
    ...(given['type'] === 'array' && given['in'] === 'query' && styleOf(collectionFormat)),
  };
}

function typeOf(given: JsonObject): JsonObject {
  const { collectionFormat: _format, ...kept } = given;
  return Object.fromEntries(Object.entries(kept).filter(([key]) => !OF_PARAMETER.includes(key)));
}

function styleOf(collectionFormat: unknown): JsonObject {
  if (collectionFormat === 'multi') return { style: 'form', explode: true };
  const style = { ssv: 'spaceDelimited', pipes: 'pipeDelimited' }[String(collectionFormat)] ?? 'form';
  return { style, explode: false };
}

function requestBodyOf(
  parameters: readonly JsonObject[],
  consumes: readonly string[] = [],
): JsonObject | undefined {
  const [first] = parameters;
  if (first === undefined) return undefined;
  if (first['in'] === 'body') {
    const { description, required = false, schema = {} } = first;
    const types = consumes.length > 0 ? consumes : JSON_ALONE;
    return { ...(description !== undefined && { description }), required, content: contentOf(types, schema) };
  }
  const required = parameters.filter((one) => one['required'] === true).map(({ name }) => name);
  const properties = parameters.map(({ description, ...one }) => {
    return [
      String(one['name']),
      { ...typeOf(one), ...(description !== undefined && { description }) },
    ] as const;
  });
  const schema = {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  };
  const hasFile = parameters.some(({ type }) => type === 'file');
  const type = hasFile || consumes.includes(MULTIPART) ? MULTIPART : FORM;
  return { required: required.length > 0, content: contentOf([type], schema) };
}

function responseOf(response: JsonObject, produces: readonly string[] = []): JsonObject {
  if ('$ref' in response) return response;
  const { schema, headers, examples, ...kept } = response;
  const types = produces.length > 0 ? produces : JSON_ALONE;
  const content =
    schema === undefined ? undefined : contentOf(types, schema, isRecord(examples) ? examples : {});
  return {
    ...kept,
    ...(isRecord(headers) && { headers: mapValues(headers, headerOf) }),
    ...(content && { content }),
  };
}

function headerOf(header: JsonObject): JsonObject {
  const { description, ...given } = header;
  return { ...(description !== undefined && { description }), schema: typeOf(given) };
}

function contentOf(types: readonly string[], schema: unknown, examples: JsonObject = {}): JsonObject {
  const exampleOf = (type: string) => (Object.hasOwn(examples, type) ? { example: examples[type] } : {});
  return Object.fromEntries(types.map((type) => [type, { schema, ...exampleOf(type) }]));
}

/** What is written in another way, wherever it stands. */
function renewed(object: JsonObject): JsonObject {
  const reference = object['$ref'];
  if (typeof reference === 'string') return { ...object, $ref: movedReference(reference) };
  const { 'x-nullable': isNullable, ...rest } = object;
  const isSchema = 'type' in object || 'properties' in object || 'allOf' in object;
  if (!isSchema) return object;
  const { discriminator } = object;
  return {
    ...rest,
    ...(isNullable === true && { nullable: true }),
    ...(typeof discriminator === 'string' && { discriminator: { propertyName: discriminator } }),
    ...(object['type'] === 'file' && { type: 'string', format: 'binary' }),
  };
}

function movedReference(reference: string): string {
  return reference
    .replace(/^#\/definitions\//, '#/components/schemas/')
    .replace(/^#\/responses\//, '#/components/responses/');
}

function mapValues(object: JsonObject, change: (value: JsonObject) => JsonObject): JsonObject {
  const entries = Object.entries(object).map(([key, value]) => [
    key,
    isRecord(value) ? change(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** `undefined` = none is named. */
function textsAt(parent: JsonObject, name: string): readonly string[] | undefined {
  const held = parent[name];
  return Array.isArray(held) ? held.filter((one) => typeof one === 'string') : undefined;
}
