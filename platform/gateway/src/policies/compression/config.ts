import { joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export type Coding = 'br' | 'gzip';

export interface CompressionConfig {
  /** In the order of preference. */
  readonly codings: readonly Coding[];
  /** Media types in lower case; `text/*` is every one of the kind. */
  readonly types: readonly string[];
  readonly minBytes: number;
  /** Also the answers to requests that say who somebody is. */
  readonly withCredentials: boolean;
}

const MIN_BYTES = 1_024;
const TYPES = [
  'text/*',
  'application/json',
  'application/problem+json',
  'application/ld+json',
  'application/manifest+json',
  'application/xml',
  'application/javascript',
  'application/wasm',
  'application/x-ndjson',
  'image/svg+xml',
] as const;

const OPTIONS = {
  Codings: { type: 'strings', own: true, doc: 'In the order of preference. Default: `br`, `gzip`.' },
  Types: {
    type: 'strings',
    own: true,
    doc: `Media types, \`text/*\` for all of a kind. Default: ${TYPES.map((type) => `\`${type}\``).join(', ')}.`,
  },
  MinSize: {
    type: 'integer',
    minimum: 0,
    default: MIN_BYTES,
    own: true,
    doc: 'Smaller answers stay as they are, B; those of unknown length are compressed.',
  },
  WithCredentials: {
    type: 'boolean',
    default: false,
    own: true,
    doc: 'Also answers to requests with `Authorization`, `Cookie`, a key or a certificate. An answer that repeats what others may send beside a secret can tell the secret by its length.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const compression = definePolicy({
  keys: {
    CompressionOptions: {
      type: 'object',
      shape: OPTIONS,
      own: true,
      doc: 'Answers that the back end has not compressed; absent = off.',
    },
  },
  read: ({ own, global, owner }): { readonly compression: CompressionConfig | undefined } => {
    const group = joinGroup(own?.values.CompressionOptions, global?.values.CompressionOptions, owner.key);
    if (group === undefined) return { compression: undefined };
    const { Codings, Types = TYPES, MinSize = MIN_BYTES, WithCredentials = false } = group.values;
    const given = (Codings ?? ['br', 'gzip']).map((coding) => coding.toLowerCase());
    const codings = given.filter((coding) => coding === 'br' || coding === 'gzip');
    if (codings.length < given.length) group.error('Codings', 'there are br and gzip');
    for (const type of Types)
      if (!/^[\w.+-]+\/(?:\*|[\w.+-]+)$/.test(type)) group.error('Types', `${type} is no media type`);
    if (codings.length === 0) return { compression: undefined };
    return {
      compression: {
        codings: [...new Set(codings)],
        types: Types.map((type) => type.toLowerCase()),
        minBytes: MinSize,
        withCredentials: WithCredentials,
      },
    };
  },
});
