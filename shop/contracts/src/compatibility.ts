/**
 * Says which changes of a JSON schema break somebody who was built against the older one. Only the keywords
 * our contracts use are understood; an unknown difference counts as breaking, so nothing slips through.
 */

/** Who was built against the old schema: a `reader` of our answers and events, or a `writer` of requests to us. */
export type Side = 'reader' | 'writer';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords that only explain. */
const HARMLESS = new Set([
  'description',
  'examples',
  'x-pii',
  'additionalProperties',
  'properties',
  'required',
  'items',
  'enum',
  'anyOf',
]);

/** For a writer a limit may only widen; a reader was promised the old limits, so they may only narrow. */
const UPPER = ['maximum', 'maxLength', 'maxItems'];
const LOWER = ['minimum', 'minLength', 'minItems'];

export function breakingChanges(
  before: JsonSchema,
  after: JsonSchema,
  side: Side,
  path: string = '',
): readonly string[] {
  return [
    ...keywordChanges(before, after, side, path),
    ...propertyChanges(before, after, side, path),
    ...enumChanges(before, after, side, path),
    ...nestedChanges(before, after, side, path),
  ];
}

function keywordChanges(old: JsonSchema, fresh: JsonSchema, side: Side, path: string): readonly string[] {
  const [before, after] = [typed(old), typed(fresh)];
  const keywords = new Set(
    [...Object.keys(before), ...Object.keys(after)].filter((keyword) => !HARMLESS.has(keyword)),
  );
  return [...keywords].flatMap((keyword) => {
    const from = before[keyword];
    const to = after[keyword];
    if (JSON.stringify(from) === JSON.stringify(to) || mayChange(keyword, from, to, side)) return [];
    return [`${path || '/'}: ${keyword} was ${JSON.stringify(from)}, is ${JSON.stringify(to)}`];
  });
}

/** A constant has the type of its value, whether it is written down or not. */
function typed(schema: JsonSchema): JsonSchema {
  return 'const' in schema && !('type' in schema) ? { type: typeof schema['const'], ...schema } : schema;
}

function mayChange(keyword: string, from: unknown, to: unknown, side: Side): boolean {
  // Generated writers have to give what has a default, generated readers get it: a new one is no matter to these only.
  if (keyword === 'default') return side === 'reader';
  // A format tells readers more than they had been promised. `int64` says no more than `integer` does.
  if (keyword === 'format' && from === undefined) return side === 'reader' || to === 'int64';
  const isUpper = UPPER.includes(keyword);
  if (!isUpper && !LOWER.includes(keyword)) return false;
  const open = isUpper ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const [old, fresh] = [Number(from ?? open), Number(to ?? open)];
  const widened = isUpper ? fresh > old : fresh < old;
  return side === 'writer' ? widened : !widened;
}

function propertyChanges(before: JsonSchema, after: JsonSchema, side: Side, path: string): readonly string[] {
  const [old, fresh] = [propertiesOf(before), propertiesOf(after)];
  const [oldRequired, freshRequired] = [requiredOf(before), requiredOf(after)];
  const gone = Object.keys(old)
    .filter((name) => !(name in fresh))
    .map((name) => `${path}/${name}: was removed`);
  const demanded = freshRequired
    .filter((name) => !oldRequired.includes(name))
    .map((name) => `${path}/${name}: is required now`);
  const missing = oldRequired
    .filter((name) => name in fresh && !freshRequired.includes(name))
    .map((name) => `${path}/${name}: may be missing now`);
  const inside = Object.keys(old)
    .filter((name) => name in fresh)
    .flatMap((name) => breakingChanges(old[name] ?? {}, fresh[name] ?? {}, side, `${path}/${name}`));
  return [...gone, ...(side === 'writer' ? demanded : missing), ...inside];
}

function enumChanges(before: JsonSchema, after: JsonSchema, side: Side, path: string): readonly string[] {
  const old = (before['enum'] as readonly string[] | undefined) ?? [];
  const fresh = (after['enum'] as readonly string[] | undefined) ?? [];
  const [must, may] = side === 'writer' ? [old, fresh] : [fresh, old];
  if ('enum' in before !== 'enum' in after) return [`${path}: enum was added or removed`];
  return must
    .filter((value) => !may.includes(value))
    .map((value) => `${path}: value ${value} ${side === 'writer' ? 'was removed' : 'is new'}`);
}

function nestedChanges(before: JsonSchema, after: JsonSchema, side: Side, path: string): readonly string[] {
  const items =
    before['items'] && after['items']
      ? breakingChanges(before['items'] as JsonSchema, after['items'] as JsonSchema, side, `${path}/*`)
      : [];
  const [old, fresh] = [before['anyOf'], after['anyOf']].map(
    (choices) => (choices ?? []) as readonly JsonSchema[],
  );
  if (old?.length !== fresh?.length) return [...items, `${path}: anyOf changed`];
  return [
    ...items,
    ...(old ?? []).flatMap((choice, index) => breakingChanges(choice, fresh?.[index] ?? {}, side, path)),
  ];
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
}

function requiredOf(schema: JsonSchema): readonly string[] {
  return (schema['required'] ?? []) as readonly string[];
}
