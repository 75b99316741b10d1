import { isDeepStrictEqual } from 'node:util';
import type { AggregateConfig, GatewayConfig, RouteConfig } from '../model.ts';

/**
 * What is different, one readable line for each thing: `route changed: GET /orders/{id}: timeoutMs, cache.ttlMs`.
 * Never values, since some are secret. Empty = nothing that has an effect.
 */
export function diffConfigs(before: GatewayConfig, after: GatewayConfig): readonly string[] {
  const { routes, aggregates, dynamic, authenticationProviders, warnings: _, ...others } = before;
  return [
    ...diffLists('route', routes, after.routes),
    ...diffLists('aggregate', aggregates, after.aggregates),
    ...diffMaps('dynamic route', dynamic?.services, after.dynamic?.services),
    ...changedKeys(dynamic?.defaults ?? {}, after.dynamic?.defaults ?? {}).map(
      (key) => `dynamic routes changed: ${key}`,
    ),
    ...diffMaps('authentication provider', authenticationProviders, after.authenticationProviders),
    ...Object.entries(others).flatMap(([key, value]) => {
      const other = after[key as keyof GatewayConfig];
      return isDeepStrictEqual(value, other)
        ? []
        : [`global options changed: ${describe(key, value, other)}`];
    }),
  ];
}

type Entry = RouteConfig | AggregateConfig;

function diffLists(what: string, before: readonly Entry[], after: readonly Entry[]): readonly string[] {
  const old = identified(before);
  const now = identified(after);
  const kept = [...now.keys()].filter((name) => old.has(name));
  const order = [...old.keys()].filter((name) => now.has(name));
  return [
    ...diffMaps(what, old, now),
    ...(isDeepStrictEqual(kept, order) ? [] : [`order of ${what}s changed`]),
  ];
}

/** By what clients see of it: method, host, template and header templates; numbered where that is not unique. */
function identified(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const named = new Map<string, Entry>();
  for (const entry of entries) {
    const headers = [...entry.headerTemplates].map(([name, value]) => ` [${name}: ${value}]`).join('');
    const name = `${entry.methods.join('|') || 'ANY'} ${entry.upstreamHost ?? ''}${entry.name}${headers}`;
    let unique = name;
    for (let count = 2; named.has(unique); count += 1) unique = `${name} (${count})`;
    named.set(unique, entry);
  }
  return named;
}

function diffMaps(
  what: string,
  before: ReadonlyMap<string, object> = new Map(),
  after: ReadonlyMap<string, object> = new Map(),
): readonly string[] {
  const removed = [...before.keys()].filter((key) => !after.has(key)).map((key) => `${what} removed: ${key}`);
  const rest = [...after].flatMap(([key, value]) => {
    const old = before.get(key);
    if (old === undefined) return [`${what} added: ${key}`];
    const keys = changedKeys(old, value);
    return keys.length === 0 ? [] : [`${what} changed: ${key}: ${keys.join(', ')}`];
  });
  return [...removed, ...rest];
}

function changedKeys(before: object, after: object): readonly string[] {
  const old: Readonly<Record<string, unknown>> = { ...before };
  const now: Readonly<Record<string, unknown>> = { ...after };
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(old[key], now[key]))
    .map((key) => describe(key, old[key], now[key]));
}

/** One level deeper where both are plain objects: `cache.ttlMs`. */
function describe(key: string, before: unknown, after: unknown): string {
  if (!isPlain(before) || !isPlain(after)) return key;
  return changedKeys(before, after)
    .map((inner) => `${key}.${inner}`)
    .join(', ');
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
