import type { Names } from './registered.ts';
import type { ConfigObject, SectionShape } from './shape.ts';

/** The keys of one policy, and what they mean for a route. */
export interface Policy<Keys extends SectionShape, Part extends object> {
  /** Of a route, and as defaults of `GlobalConfiguration`. */
  readonly keys: Keys;
  /** Its part of the route's configuration, with every default filled in. */
  readonly read: (input: PolicyInput<Keys>) => Part;
}

export interface PolicyInput<Keys extends SectionShape> {
  readonly own: ConfigObject<Keys> | undefined;
  readonly global: ConfigObject<Keys> | undefined;
  readonly owner: PolicyOwner;
  readonly context: PolicyContext;
}

/** The route whose policies are read. */
export interface PolicyOwner {
  /** For messages. */
  readonly name: string;
  readonly key: string | undefined;
  readonly methods: readonly string[];
  readonly scheme: 'http' | 'https';
  /** Its scheme is `ws` or `wss`. */
  readonly isWebSocket: boolean;
  /** Static routes do not take the global HTTP version, dynamic ones do. */
  readonly inheritsVersion: boolean;
}

/** What is the same for all routes of a file. */
export interface PolicyContext {
  /** `--ocelot-strict`. */
  readonly strict: boolean;
  /** Delegating handlers and load balancers in code. */
  readonly handlers: Names | undefined;
  readonly balancers: Names | undefined;
  /** Authentication providers, in the file or in code. */
  readonly providers: Names;
  /** Some route of the file has the scheme `ws` or `wss`: then the others are not for WebSockets. */
  readonly namesWebSockets: boolean;
  /** Services can be found. */
  readonly hasDiscovery: boolean;
}

export function definePolicy<const Keys extends SectionShape, Part extends object>(
  policy: Policy<Keys, Part>,
): Policy<Keys, Part> {
  return policy;
}
