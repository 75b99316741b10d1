/** `Claims[type] > value` or `Claims[type] > value[index] > delimiter`. */
export interface ClaimDirective {
  readonly claim: string;
  readonly part: { readonly index: number; readonly delimiter: string } | undefined;
}

export type DirectiveMap = ReadonlyMap<string, ClaimDirective>;

export type HeaderTransform =
  | { readonly kind: 'replace'; readonly header: string; readonly find: string; readonly replacement: string }
  | { readonly kind: 'add' | 'set' | 'append'; readonly header: string; readonly value: string }
  | { readonly kind: 'remove'; readonly header: string };

export interface TransformsConfig {
  readonly request: readonly HeaderTransform[];
  readonly answer: readonly HeaderTransform[];
}

export interface ClaimsConfig {
  readonly toClaims: DirectiveMap;
  readonly toHeaders: DirectiveMap;
  readonly toQuery: DirectiveMap;
  readonly toPath: DirectiveMap;
  /** `RouteClaimsRequirement`. */
  readonly required: ReadonlyMap<string, string>;
}
