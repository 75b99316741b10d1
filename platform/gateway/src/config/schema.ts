import type { KeyShape, SectionShape } from '../grammar/shape.ts';
import { ROOT } from './root.ts';

type Json = Readonly<Record<string, unknown>>;

/** JSON Schema (draft 2020-12) of a configuration file, for completion and checks in editors. */
export function configSchema(): Json {
  const definitions = new Map<SectionShape, { readonly name: string; readonly schema: Json }>();

  /** Each shape is defined once, under the key where it is first met. */
  function referTo(key: string, shape: SectionShape): Json {
    const known = definitions.get(shape);
    if (known !== undefined) return { $ref: `#/$defs/${known.name}` };
    const taken = new Set([...definitions.values()].map(({ name }) => name));
    let name = key;
    for (let count = 2; taken.has(name); count += 1) name = `${key}${count}`;
    definitions.set(shape, { name, schema: {} });
    definitions.set(shape, { name, schema: schemaOf(shape) });
    return { $ref: `#/$defs/${name}` };
  }

  function schemaOf(shape: SectionShape): Json {
    const properties: Record<string, Json> = {};
    for (const [key, keyShape] of Object.entries(shape)) {
      const described = { ...valueSchema(key, keyShape), ...annotations(keyShape) };
      properties[key] = described;
      for (const name of keyShape.also ?? [])
        properties[name] = { ...described, deprecated: true, description: `Older name of ${key}.` };
    }
    const required = Object.keys(shape).filter((key) => shape[key]?.required);
    return {
      type: 'object',
      properties,
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    };
  }

  function valueSchema(key: string, shape: KeyShape): Json {
    switch (shape.type) {
      case 'object':
        return referTo(key, shape.shape);
      case 'objects':
        return { type: 'array', items: referTo(key, shape.shape) };
      case 'mapOf':
        return { type: 'object', additionalProperties: referTo(key, shape.shape) };
      default:
        return plainSchema(shape);
    }
  }

  const root = schemaOf(ROOT);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Gateway configuration',
    ...root,
    $defs: Object.fromEntries([...definitions.values()].map(({ name, schema }) => [name, schema])),
  };
}

function annotations({ doc, default: value, own }: KeyShape): Json {
  return {
    description: own ? `${doc} (not in Ocelot)` : doc,
    ...(value !== undefined && { default: value }),
  };
}

/** Numbers and booleans may be strings. */
function plainSchema(shape: Exclude<KeyShape, { readonly shape: SectionShape }>): Json {
  switch (shape.type) {
    case 'string':
      return { type: 'string', ...(shape.oneOf && { enum: shape.oneOf }) };
    case 'integer':
    case 'number':
      return {
        type: [shape.type, 'string'],
        pattern: shape.type === 'integer' ? '^-?\\d+$' : '^-?\\d+(?:\\.\\d+)?$',
        ...(shape.minimum !== undefined && { minimum: shape.minimum }),
        ...(shape.maximum !== undefined && { maximum: shape.maximum }),
      };
    case 'boolean':
      return { type: ['boolean', 'string'], pattern: '^(?:[Tt]rue|[Ff]alse)$' };
    case 'names':
      return { type: 'array', items: { type: 'string' } };
    case 'strings':
      return shape.orOne
        ? { type: ['array', 'string'], items: { type: 'string' } }
        : { type: 'array', items: { type: 'string' } };
    case 'integers':
      return { type: 'array', items: { type: ['integer', 'string'], pattern: '^-?\\d+$' } };
    case 'map':
      return {
        type: 'object',
        additionalProperties: shape.of === 'string' ? { type: ['string', 'number', 'boolean'] } : true,
      };
  }
}
