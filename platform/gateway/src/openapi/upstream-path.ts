import type { RouteConfig } from '../model.ts';

type Templates = Pick<RouteConfig, 'name' | 'downstreamTemplate' | 'virtualDirectory'>;

const PLACEHOLDER = /\{([^{}]+)\}/g;

/**
 * Under which path clients reach a path of a service's document through a route; `undefined` = they do not. Both
 * are templates: `/api/orders/{orderId}` through `/orders/{id}` → `/api/orders/{id}` is `/orders/{orderId}`.
 */
export function upstreamPath(
  documented: string,
  { name, downstreamTemplate, virtualDirectory = '' }: Templates,
): string | undefined {
  const whole = withoutQuery(downstreamTemplate);
  const isBelow = whole.toLowerCase().startsWith(virtualDirectory.toLowerCase());
  const template = isBelow ? whole.slice(virtualDirectory.length) : whole;
  const values = matchTemplate(documented, template);
  if (values === undefined) return undefined;
  const upstream = withoutQuery(name);
  for (const [placeholder, value] of values)
    if (value === '' && !upstream.endsWith(`{${placeholder}}`)) return undefined; // only the end may be empty
  const path = upstream.replace(PLACEHOLDER, (text, placeholder: string) => values.get(placeholder) ?? text);
  return path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
}

/** The names of the placeholders in a path. */
export function placeholdersIn(path: string): readonly string[] {
  return [...path.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

function withoutQuery(template: string): string {
  return template.split('?')[0] ?? '';
}

function matchTemplate(path: string, template: string): ReadonlyMap<string, string> | undefined {
  const names = placeholdersIn(template);
  const literals = template.split(PLACEHOLDER).filter((_text, at) => at % 2 === 0);
  const pattern = literals
    .map((literal, at) => {
      const escaped = literal.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      if (at === names.length) return escaped;
      const isTail = at === names.length - 1 && literals[at + 1] === '';
      if (!isTail) return `${escaped}([^/]+)`;
      // A rest that is empty takes the slash before it along: `/orders/{rest}` is also `/orders`.
      return escaped.endsWith('/') ? `${escaped.slice(0, -1)}(?:/(.*))?` : `${escaped}(.*)`;
    })
    .join('');
  const match = new RegExp(`^${pattern}/?$`, 'i').exec(path);
  return match === null ? undefined : new Map(names.map((name, at) => [name, match[at + 1] ?? '']));
}
