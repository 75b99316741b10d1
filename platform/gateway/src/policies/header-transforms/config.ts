import { isRecord } from '@flotilla/kernel';
import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { isToken } from '../../wire/rules/characters.ts';

export type HeaderTransform =
  | { readonly kind: 'replace'; readonly header: string; readonly find: string; readonly replacement: string }
  | { readonly kind: 'add' | 'set' | 'append'; readonly header: string; readonly value: string }
  | { readonly kind: 'remove'; readonly header: string };

export interface TransformsConfig {
  readonly request: readonly HeaderTransform[];
  readonly answer: readonly HeaderTransform[];
}

const HEADER_TRANSFORMS = {
  UpstreamHeaderTransform: {
    type: 'map',
    of: 'any',
    doc: 'Changes of request headers: `"find, replace"`, a value to set, or {Set | Append | Remove}.',
  },
  DownstreamHeaderTransform: {
    type: 'map',
    of: 'any',
    doc: 'Changes of answer headers: `"find, replace"`, a value to add, or {Set | Append | Remove}.',
  },
} as const satisfies SectionShape;

const UNCHANGED: readonly HeaderTransform[] = [];
const NO_TRANSFORMS: TransformsConfig = { request: UNCHANGED, answer: UNCHANGED };

type TransformKey = keyof typeof HEADER_TRANSFORMS;
type TransformsObject = ConfigObject<typeof HEADER_TRANSFORMS>;

export const headerTransforms = definePolicy({
  keys: HEADER_TRANSFORMS,
  read: ({ own, global, context }) => ({ transforms: readTransforms(own, global, context.strict) }),
});

/** The route's entry for a header wins over the global one. Find-and-replace comes before everything else. */
function readTransforms(
  route: TransformsObject | undefined,
  global: TransformsObject | undefined,
  strict: boolean,
): TransformsConfig {
  const side = (key: TransformKey): readonly HeaderTransform[] => {
    if (route?.values[key] === undefined && global?.values[key] === undefined) return UNCHANGED;
    const merged = new Map<string, HeaderTransform>();
    for (const object of [global, route]) {
      for (const [header, value] of object?.values[key] ?? []) {
        const transform = readTransform(header, value, strict);
        if (typeof transform === 'string') object?.error(key, transform);
        else merged.set(header.toLowerCase(), transform);
      }
    }
    const all = [...merged.values()];
    return [...all.filter(isReplacement), ...all.filter((transform) => !isReplacement(transform))];
  };
  const request = side('UpstreamHeaderTransform');
  const answer = side('DownstreamHeaderTransform');
  return request.length + answer.length === 0 ? NO_TRANSFORMS : { request, answer };
}

function isReplacement({ kind }: HeaderTransform): boolean {
  return kind === 'replace';
}

const VALUE = /^[\t\x20-\x7e]*$/;
/** Framing is the gateway's own business; changing it would end one message early or late. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

function readTransform(header: string, value: unknown, strict: boolean): HeaderTransform | string {
  if (!isToken(header)) return `${JSON.stringify(header)} is no name of a header`;
  if (FRAMING.has(header.toLowerCase())) return `${header} cannot be changed`;
  if (isRecord(value))
    return strict
      ? `${header}: an object is not possible with --ocelot-strict`
      : readObjectTransform(header, value);
  if (typeof value !== 'string') return `${header}: must be a string or an object`;
  if (!VALUE.test(value)) return `${header}: the value has characters that a header cannot have`;
  const comma = value.indexOf(',');
  if (comma === -1) return { kind: 'add', header, value };
  const [replacement = ''] = value.slice(comma + 1).split(',');
  return { kind: 'replace', header, find: value.slice(0, comma), replacement: replacement.trimStart() };
}

function readObjectTransform(
  header: string,
  object: Readonly<Record<string, unknown>>,
): HeaderTransform | string {
  const [entry, ...more] = Object.entries(object);
  if (entry === undefined || more.length > 0) return `${header}: must have one of Set, Append, Remove`;
  const [key, value] = entry;
  switch (key.toLowerCase()) {
    case 'set':
    case 'append':
      if (typeof value !== 'string' || !VALUE.test(value)) return `${header}.${key}: must be a header value`;
      return { kind: key.toLowerCase() === 'set' ? 'set' : 'append', header, value };
    case 'remove':
      return value === true ? { kind: 'remove', header } : `${header}.${key}: must be true`;
    default:
      return `${header}: must have one of Set, Append, Remove, not ${key}`;
  }
}
