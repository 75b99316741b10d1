import type { Section } from './section.ts';

/** One option object of a route over the global one of the same name. */
export interface OptionGroup {
  /** Does the route have the object itself? */
  readonly own: boolean;
  /** Where to report problems. */
  readonly place: Section;
  has(...keys: readonly string[]): boolean;
  string(...keys: readonly string[]): string | undefined;
  integer(...keys: readonly string[]): number | undefined;
  boolean(...keys: readonly string[]): boolean | undefined;
  strings(...keys: readonly string[]): readonly string[] | undefined;
}

/**
 * Joins the two: for each field the route's value, else the global one, if the group is for this route at all
 * (`RouteKeys` empty, or the route's key in it). Of several names of one field the first given wins.
 */
export function optionGroup(
  own: Section | undefined,
  global: Section | undefined,
  routeKey: string | undefined,
): OptionGroup | undefined {
  const inherited = global !== undefined && isFor(global, routeKey) ? global : undefined;
  const place = own ?? inherited;
  if (place === undefined) return undefined;
  const sections = [own, inherited].filter((section) => section !== undefined);

  function first<T>(
    keys: readonly string[],
    read: (section: Section, key: string) => T | undefined,
  ): T | undefined {
    for (const section of sections) {
      const key = keys.find((name) => section.has(name));
      if (key !== undefined) return read(section, key);
    }
    return undefined;
  }

  return {
    own: own !== undefined,
    place,
    has: (...keys) => sections.some((section) => keys.some((key) => section.has(key))),
    string: (...keys) => first(keys, (section, key) => section.string(key)),
    integer: (...keys) => first(keys, (section, key) => section.integer(key)),
    boolean: (...keys) => first(keys, (section, key) => section.boolean(key)),
    strings: (...keys) => first(keys, (section, key) => section.strings(key)),
  };
}

function isFor(global: Section, routeKey: string | undefined): boolean {
  const keys = global.strings('RouteKeys') ?? [];
  return keys.length === 0 || (routeKey !== undefined && keys.includes(routeKey));
}
