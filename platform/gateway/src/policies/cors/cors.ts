import type { Exchange, Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { appendField, type Fields, fieldValue, hasField, removeField } from '../../wire/rules/fields.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { RequestHead } from '../../wire/rules/request.ts';
import type { CorsConfig } from './config.ts';

const ALLOW_ORIGIN = fieldName('access-control-allow-origin');
const ALLOW_CREDENTIALS = fieldName('access-control-allow-credentials');
const EXPOSE_HEADERS = fieldName('access-control-expose-headers');
const VARY = fieldName('vary');

/** What a route does about CORS, in two steps of the way. */
export interface Cors {
  /** First of all: whatever refuses the request, a page of an allowed origin can read why. */
  readonly introduce: Step;
  /** Answers preflights with 204, before anything else can refuse them: the page would not learn why. */
  readonly preflight: (exchange: Pick<Exchange, 'request'>) => Refusal | undefined;
}

/**
 * Answers preflights and lets allowed origins read every response of the route, refusals too. What the
 * browser may not do it is not told; the gateway itself refuses nothing. Throws `RangeError` on credentials
 * for any origin.
 */
export function compileCors(config: CorsConfig | undefined): Cors | undefined {
  if (config === undefined) return undefined;
  const { allowedOrigins, allowCredentials } = config;
  const isPublic = allowedOrigins.includes('*');
  if (isPublic && allowCredentials)
    throw new RangeError('CORS with credentials needs the origins by name, not *');
  const origins = new Set(allowedOrigins);
  const exposed = config.exposedHeaders.join(', ');
  const permissions = compilePreflight(config);

  const isAllowed = ({ fields }: RequestHead) => {
    const origin = fieldValue(fields, 'origin');
    return origin !== undefined && (isPublic || origins.has(origin)) ? origin : undefined;
  };

  return {
    introduce: ({ request, answerFields: fields }) => {
      if (!isPublic) appendField(fields, VARY, 'origin');
      const origin = isAllowed(request);
      if (origin === undefined) return undefined;
      appendField(fields, ALLOW_ORIGIN, isPublic ? '*' : origin);
      if (allowCredentials) appendField(fields, ALLOW_CREDENTIALS, 'true');
      if (exposed !== '' && !isPreflight(request)) appendField(fields, EXPOSE_HEADERS, exposed);
      return undefined;
    },
    preflight: ({ request }) => {
      if (!isPreflight(request)) return undefined;
      return preflightResponse(isAllowed(request) === undefined ? [] : permissions(request));
    },
  };
}

type Headers = NonNullable<Refusal['headers']>;

/** A response by the gateway that is no refusal: without a body. */
function preflightResponse(headers: Headers): Refusal {
  return { status: 204, code: 'preflight', text: '', headers };
}

/** `*` among methods or headers allows what is asked for. */
function compilePreflight(config: CorsConfig): (request: RequestHead) => Headers {
  const methods = config.allowedMethods.includes('*') ? undefined : config.allowedMethods.join(', ');
  const names = config.allowedHeaders.includes('*') ? undefined : config.allowedHeaders.join(', ');
  const maxAge = String(config.maxAgeSeconds);
  return ({ fields }) => {
    const allowsMethods = methods ?? fieldValue(fields, 'access-control-request-method') ?? '';
    const allowsNames = names ?? fieldValue(fields, 'access-control-request-headers') ?? '';
    const headers: (readonly [string, string])[] = [
      ['access-control-allow-methods', allowsMethods],
      ['access-control-max-age', maxAge],
    ];
    if (allowsNames !== '') headers.push(['access-control-allow-headers', allowsNames]);
    return headers;
  };
}

/** Of an answer made of several: a page may do what it may with each of them. `undefined` = some part says nothing of CORS. */
export function corsOfAll(parts: readonly (CorsConfig | undefined)[]): CorsConfig | undefined {
  const told = parts.filter((part) => part !== undefined);
  if (told.length < parts.length) return undefined;
  return {
    allowedOrigins: inAll(told.map(({ allowedOrigins }) => allowedOrigins)),
    allowedMethods: inAll(told.map(({ allowedMethods }) => allowedMethods)),
    allowedHeaders: inAll(told.map(({ allowedHeaders }) => allowedHeaders)),
    exposedHeaders: inAll(told.map(({ exposedHeaders }) => exposedHeaders)),
    allowCredentials: told.every(({ allowCredentials }) => allowCredentials),
    maxAgeSeconds: Math.min(...told.map(({ maxAgeSeconds }) => maxAgeSeconds)),
  };
}

/** `*` allows what the others do. */
function inAll(lists: readonly (readonly string[])[]): readonly string[] {
  const [first, ...others] = lists.filter((list) => !list.includes('*'));
  if (first === undefined) return ['*'];
  const sets = others.map((list) => new Set(list.map((text) => text.toLowerCase())));
  return first.filter((text) => sets.every((set) => set.has(text.toLowerCase())));
}

const CORS_FIELDS = [
  ALLOW_ORIGIN.lower,
  ALLOW_CREDENTIALS.lower,
  EXPOSE_HEADERS.lower,
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
] as const;

/** The back end has no say where the gateway answers: two `Access-Control-Allow-Origin` are as good as none. */
export function removeCorsFields(answer: Fields): void {
  for (const name of CORS_FIELDS) removeField(answer, name);
}

/** A CORS preflight: browsers send it without credentials, always. */
export function isPreflight({ method, fields }: RequestHead): boolean {
  return (
    method === 'OPTIONS' && hasField(fields, 'origin') && hasField(fields, 'access-control-request-method')
  );
}

/** Strictly as Ocelot, any OPTIONS passes without a token; else preflights only. */
export function isExemptFromAuthentication(request: RequestHead, strict: boolean): boolean {
  if (request.method !== 'OPTIONS') return false;
  return strict || isPreflight(request);
}
