import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SectionShape } from '../grammar/shape.ts';
import { configReference } from './reference.ts';
import { ROOT } from './root.ts';
import { configSchema } from './schema.ts';

type Schema = Readonly<Record<string, unknown>>;

const schema = configSchema();
const definitions = schema['$defs'] as Readonly<Record<string, Schema>>;

function definition(name: string): {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: string[];
} {
  const found = definitions[name];
  assert.ok(found !== undefined, `${name} is not defined`);
  return found as ReturnType<typeof definition>;
}

it('the schema has every key with its text, older names as deprecated', () => {
  const route = definition('Routes');
  assert.deepEqual(route.required, ['UpstreamPathTemplate']);
  assert.equal(route.properties['FileCacheOptions']?.['deprecated'], true);
  const port = definition('DownstreamHostAndPorts').properties['Port'];
  assert.deepEqual(port, {
    type: ['integer', 'string'],
    pattern: '^-?\\d+$',
    minimum: 0,
    maximum: 65_535,
    description: "0 = the scheme's own port.",
    default: 0,
  });
});

it('the schema has no reference that leads nowhere, and no shape twice', () => {
  const references = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)];
  for (const [, name = ''] of references) assert.ok(name in definitions, name);
  const shapes = new Set<SectionShape>();
  const collect = (shape: SectionShape): void => {
    if (shapes.has(shape)) return;
    shapes.add(shape);
    for (const key of Object.values(shape)) if ('shape' in key) collect(key.shape);
  };
  collect(ROOT);
  assert.equal(Object.keys(definitions).length, shapes.size - 1);
});

it('every key is described', () => {
  const check = (shape: SectionShape): void => {
    for (const [name, key] of Object.entries(shape)) {
      assert.ok(key.doc.length > 1, name);
      if ('shape' in key) check(key.shape);
    }
  };
  check(ROOT);
});

it('the reference has a row for every key of every object', () => {
  const reference = configReference();
  const rows = reference.split('\n').filter((line) => line.startsWith('| `'));
  const properties = [schema, ...Object.values(definitions)].flatMap((one) =>
    Object.values(one['properties'] as Readonly<Record<string, Schema>>).filter((key) => !key['deprecated']),
  );
  assert.equal(rows.length, properties.length);
  for (const line of rows) assert.equal(line.replaceAll('\\|', '').split('|').length, 5, line);
  assert.match(reference, /^\| `CacheOptions`, `FileCacheOptions` \| object \|/m);
});
