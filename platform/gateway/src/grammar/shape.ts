/**
 * What a key of the file is: the one description from which reading, did-you-mean, the JSON schema for editors and the reference
 * table are made.
 */
export type KeyShape = {
  readonly doc: string;
  /** Older or other names of the same key; where several are given, these win over the key's own name. */
  readonly also?: readonly string[];
  readonly default?: string | number | boolean;
  readonly required?: true;
  /** Not in Ocelot. */
  readonly own?: true;
} & (
  | { readonly type: 'string'; readonly oneOf?: readonly string[] }
  | { readonly type: 'integer' | 'number'; readonly minimum?: number; readonly maximum?: number }
  /** `names`: strings in no order, each of which counts once. */
  | { readonly type: 'boolean' | 'integers' | 'names' }
  /** `orOne`: a single string is a list of one. */
  | { readonly type: 'strings'; readonly orOne?: true }
  /** A map whose keys are names: values are strings, or for `any` whatever the reader makes of them. */
  | { readonly type: 'map'; readonly of: 'string' | 'any' }
  | { readonly type: 'mapOf' | 'object' | 'objects'; readonly shape: SectionShape }
);

export type SectionShape = Readonly<Record<string, KeyShape>>;

/** What reading a key gives. */
export type ValueOf<Key extends KeyShape> = Key extends { readonly type: 'string' }
  ? Key extends { readonly oneOf: readonly (infer One)[] }
    ? One
    : string
  : Key extends { readonly type: 'integer' | 'number' }
    ? number
    : Key extends { readonly type: 'boolean' }
      ? boolean
      : Key extends { readonly type: 'strings' }
        ? readonly string[]
        : Key extends { readonly type: 'names' }
          ? ReadonlySet<string>
          : Key extends { readonly type: 'integers' }
            ? readonly number[]
            : Key extends { readonly type: 'map'; readonly of: 'string' }
              ? ReadonlyMap<string, string>
              : Key extends { readonly type: 'map' }
                ? ReadonlyMap<string, unknown>
                : Key extends { readonly type: 'mapOf'; readonly shape: infer Inner extends SectionShape }
                  ? ReadonlyMap<string, ConfigObject<Inner>>
                  : Key extends { readonly type: 'object'; readonly shape: infer Inner extends SectionShape }
                    ? ConfigObject<Inner>
                    : Key extends {
                          readonly type: 'objects';
                          readonly shape: infer Inner extends SectionShape;
                        }
                      ? readonly ConfigObject<Inner>[]
                      : never;

export type ValuesOf<Shape extends SectionShape> = {
  readonly [Key in keyof Shape]?: ValueOf<Shape[Key]> | undefined;
};

/**
 * One object of the file, read by its shape. Keys are found without regard to case; a missing key, `null` and
 * a value that was reported as wrong are `undefined`.
 */
export interface ConfigObject<Shape extends SectionShape> {
  readonly path: string;
  readonly values: ValuesOf<Shape>;
  has(key: keyof Shape & string): boolean;
  /** Reports a problem of this key (its whole path is added). */
  error(key: keyof Shape & string, message: string): void;
  warn(key: keyof Shape & string, message: string): void;
}
