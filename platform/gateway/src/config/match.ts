import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { MatchConfig } from '../model.ts';
import { checkTemplate } from '../templates/check-template.ts';
import { isExtraMethod, isMethod, METHODS } from '../wire/rules/request.ts';

/** What decides whether a request is for a route or an aggregate. */
export const MATCH = {
  UpstreamPathTemplate: {
    type: 'string',
    required: true,
    doc: 'What clients ask for: text, `{placeholders}`, the last takes the rest; `?name={value}` for a query.',
  },
  UpstreamHttpMethod: {
    type: 'strings',
    orOne: true,
    doc: 'Empty = any (aggregates: GET). Another method is 404.',
  },
  UpstreamHost: {
    type: 'string',
    doc: 'The whole host without its port; `**.shop.example` is every name below it, unless strict.',
  },
  UpstreamHeaderTemplates: {
    type: 'map',
    of: 'string',
    doc: 'All must match; `{header:name}` is a placeholder, an empty one means: without that header.',
  },
  RouteIsCaseSensitive: {
    type: 'boolean',
    also: ['ReRouteIsCaseSensitive'],
    default: false,
    doc: 'Compares text of templates with case.',
  },
  Priority: {
    type: 'integer',
    default: 1,
    doc: 'Higher is tried first, then the order of the file; the lone `/{x}` always has 0.',
  },
} as const satisfies SectionShape;

const NONE: ReadonlyMap<string, string> = new Map();
const LONE_CATCH_ALL = /^\/\{[^{}]*\}$/;

export function readMatch(
  object: ConfigObject<typeof MATCH>,
  { strict, defaultMethods }: { readonly strict: boolean; readonly defaultMethods: readonly string[] },
): MatchConfig {
  const name = object.values.UpstreamPathTemplate ?? '';
  for (const problem of checkTemplate('Upstream', name)) object.error('UpstreamPathTemplate', problem);
  const methods = object.values.UpstreamHttpMethod?.map((method) => method.toUpperCase()) ?? [];
  for (const method of methods)
    if (!isMethod(method) && !isExtraMethod(method))
      object.warn(
        'UpstreamHttpMethod',
        `${method} is refused before routing, there are ${METHODS.join(', ')}`,
      );
  const host = object.values.UpstreamHost || undefined;
  const whole = (strict ? host : host?.replace(/^\*\*\./, ''))?.replace(/^\[.*\]$/, '') ?? '';
  if (/[:*]/.test(whole))
    object.warn('UpstreamHost', `${host} can never match: it is compared as a whole, without the port`);
  return {
    name,
    methods: methods.length > 0 ? methods : defaultMethods,
    upstreamHost: strict ? host : host?.toLowerCase(),
    headerTemplates: object.values.UpstreamHeaderTemplates ?? NONE,
    caseSensitive: object.values.RouteIsCaseSensitive ?? false,
    priority: LONE_CATCH_ALL.test(name) ? 0 : (object.values.Priority ?? 1),
  };
}
