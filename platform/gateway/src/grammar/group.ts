import type { ConfigObject, SectionShape, ValuesOf } from './shape.ts';

/** One option object of a route over the global one of the same name. */
export interface Group<Shape extends SectionShape> {
  /** Does the route have the object itself? */
  readonly isOwn: boolean;
  readonly values: ValuesOf<Shape>;
  has(key: keyof Shape & string): boolean;
  error(key: keyof Shape & string, message: string): void;
  warn(key: keyof Shape & string, message: string): void;
}

/** Of global option groups: which routes they are for. */
export const ROUTE_KEYS = {
  RouteKeys: {
    type: 'names',
    doc: 'Only in GlobalConfiguration: the `Key`s of the routes the group is for; empty = all.',
  },
} as const satisfies SectionShape;

/**
 * Joins the two: for each field the route's value, else the global one, if the group is for this route at all
 * (`RouteKeys` empty, or the route's key in it). `undefined` = there is neither.
 */
export function joinGroup<Shape extends SectionShape>(
  own: ConfigObject<Shape> | undefined,
  global: ConfigObject<Shape> | undefined,
  routeKey: string | undefined,
): Group<Shape> | undefined {
  const inherited = global !== undefined && isFor(global, routeKey) ? global : undefined;
  const primary = own ?? inherited;
  if (primary === undefined) return undefined;
  const holder = (key: keyof Shape & string) => {
    if (own?.has(key)) return own;
    return inherited?.has(key) ? inherited : primary;
  };
  return {
    isOwn: own !== undefined,
    values: valuesOf(own, inherited) as ValuesOf<Shape>,
    has: (key) => holder(key).has(key),
    error: (key, message) => holder(key).error(key, message),
    warn: (key, message) => holder(key).warn(key, message),
  };
}

function valuesOf<Values>(
  own: { readonly values: Values } | undefined,
  inherited: { readonly values: Values } | undefined,
): Values | undefined {
  if (own === undefined || inherited === undefined) return (own ?? inherited)?.values;
  return { ...inherited.values, ...own.values };
}

function isFor<Shape extends SectionShape>(
  global: ConfigObject<Shape>,
  routeKey: string | undefined,
): boolean {
  // Every group's shape has ROUTE_KEYS, which a type parameter cannot say.
  const keys = (global.values as ValuesOf<typeof ROUTE_KEYS>).RouteKeys;
  return keys === undefined || keys.size === 0 || (routeKey !== undefined && keys.has(routeKey));
}
