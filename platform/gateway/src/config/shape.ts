/**
 * What a key of the file is: the one description from which reading, did-you-mean, the JSON schema for editors and the reference
 * table are made.
 */
export type KeyShape = {
  readonly doc: string;
  /** Older or other names of the same key, the winning one first. */
  readonly also?: readonly string[];
  readonly default?: string | number | boolean;
  /** Not in Ocelot. */
  readonly own?: true;
} & (
  | { readonly type: 'string'; readonly oneOf?: readonly string[] }
  | { readonly type: 'integer' | 'number'; readonly minimum?: number; readonly maximum?: number }
  | { readonly type: 'boolean' | 'strings' | 'integers' }
  /** A map whose keys are names: values are strings, or for `any` whatever the reader makes of them. */
  | { readonly type: 'map'; readonly of: 'string' | 'any' }
  | { readonly type: 'mapOf' | 'object' | 'objects'; readonly shape: SectionShape }
);

export type SectionShape = Readonly<Record<string, KeyShape>>;
