import { definePolicy } from '../../grammar/policy.ts';
import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { checkTemplate } from '../../templates/check-template.ts';
import { placeholdersOf } from '../../templates/template.ts';
import { isToken, isValue } from '../../wire/rules/characters.ts';
import { fieldName } from '../../wire/rules/field-names.ts';

/** A route without a back end: what the gateway itself answers. */
export type OwnAnswerConfig =
  | {
      readonly kind: 'redirect';
      readonly status: number;
      /** `https://shop.example`; empty = where the request came to. */
      readonly origin: string;
      /** Path and query, filled as `DownstreamPathTemplate` is. */
      readonly template: string;
    }
  | {
      readonly kind: 'fixed';
      readonly status: number;
      readonly body: string;
      readonly headers: readonly (readonly [name: string, value: string])[];
    };

const DEFAULT_REDIRECT = 307;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const REDIRECT = {
  Location: {
    type: 'string',
    required: true,
    own: true,
    doc: 'A path, or a whole URL whose path has the placeholders: `https://shop.example/{everything}`. The query goes along as with `DownstreamPathTemplate`.',
  },
  StatusCode: {
    type: 'integer',
    default: DEFAULT_REDIRECT,
    own: true,
    doc: '301, 302, 303, 307 or 308. Browsers keep 301 and 308 without asking again.',
  },
} as const satisfies SectionShape;

const FIXED = {
  StatusCode: { type: 'integer', minimum: 200, maximum: 599, default: 200, own: true, doc: 'Its status.' },
  Body: { type: 'string', default: '', own: true, doc: 'Its body as it stands.' },
  ContentType: { type: 'string', default: 'text/plain; charset=utf-8', own: true, doc: 'Of the body.' },
  Headers: { type: 'map', of: 'string', own: true, doc: 'Further header fields.' },
} as const satisfies SectionShape;

/** Of static routes. */
export const ownAnswer = definePolicy({
  keys: {
    RedirectOptions: {
      type: 'object',
      shape: REDIRECT,
      own: true,
      doc: 'The route sends clients elsewhere. It needs no `Downstream…`.',
    },
    AnswerOptions: {
      type: 'object',
      shape: FIXED,
      own: true,
      doc: 'The route has one fixed answer. It needs no `Downstream…`.',
    },
  },
  read: ({ own, owner }) => {
    const { RedirectOptions: redirect, AnswerOptions: fixed } = own?.values ?? {};
    if (redirect !== undefined && fixed !== undefined)
      own?.error('AnswerOptions', 'a route has either an answer or a redirect');
    return { ownAnswer: redirect ? readRedirect(redirect, owner.name) : fixed && readFixed(fixed) };
  },
});

function readRedirect(object: ConfigObject<typeof REDIRECT>, upstream: string): OwnAnswerConfig {
  const location = object.values.Location ?? '';
  const status = object.values.StatusCode ?? DEFAULT_REDIRECT;
  if (!REDIRECTS.includes(status)) object.error('StatusCode', `must be one of ${REDIRECTS.join(', ')}`);
  const [origin = ''] = /^https?:\/\/[^/?#]*/i.exec(location) ?? [];
  const rest = location.slice(origin.length);
  const template = origin !== '' && !rest.startsWith('/') ? `/${rest}` : rest;
  // Whoever made up the address would choose where the client is sent.
  if (origin.includes('{')) object.error('Location', 'no placeholder may stand before the path');
  if (origin !== '' && URL.parse(origin)?.origin !== origin.toLowerCase())
    object.error('Location', `${origin} is no origin`);
  if (template.includes('#')) object.error('Location', 'must have no fragment');
  const problems = location === '' ? ['must be given'] : checkTemplate('Downstream', template);
  for (const problem of problems) object.error('Location', problem);
  const known = placeholdersOf(upstream);
  for (const name of placeholdersOf(template))
    if (!known.includes(name)) object.warn('Location', `{${name}} is no placeholder of the path ${upstream}`);
  return { kind: 'redirect', status, origin, template };
}

/** Their bodies end with the head. */
const BODYLESS: readonly number[] = [204, 205, 304];

function readFixed(object: ConfigObject<typeof FIXED>): OwnAnswerConfig {
  const { StatusCode: status = 200, Body: body = '', ContentType: type, Headers: more } = object.values;
  if (body !== '' && BODYLESS.includes(status)) object.error('Body', `an answer ${status} has none`);
  const headers: (readonly [string, string])[] = [...(more ?? [])];
  if (type !== undefined) headers.push(['Content-Type', type]);
  for (const [name, value] of headers) {
    const key = name === 'Content-Type' ? 'ContentType' : 'Headers';
    if (!isToken(name)) object.error(key, `${name} is no name of a header`);
    else if (isFraming(name)) object.error(key, `${name} is the connection's own`);
    if (!isValue(value)) object.error(key, `the value of ${name} has characters that no header can have`);
  }
  return { kind: 'fixed', status, body, headers };
}

function isFraming(name: string): boolean {
  return fieldName(name).isHopByHop || name.toLowerCase() === 'content-length';
}
