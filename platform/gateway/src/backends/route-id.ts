import type { MatchConfig } from '../model.ts';

/** Names a route in the admin API, and over reloads its state: its `Key`, or else what it matches. */
export function routeIdOf(route: MatchConfig & { readonly key: string | undefined }): string {
  if (route.key !== undefined) return route.key;
  const { methods, upstreamHost, name, headerTemplates } = route;
  const headers = [...headerTemplates].map(([header, template]) => `${header}=${template}`);
  return [methods.join(',') || 'ANY', `${upstreamHost ?? ''}${name}`, ...headers].join(' ');
}
