import { isRecord } from '@flotilla/kernel';
import type { RouteConfig } from '../model.ts';
import { type JsonObject, objectAt } from './json-object.ts';

const FORWARDING = new Set([
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'traceparent',
  'tracestate',
]);

/** A request header that back ends get from the gateway, whatever the client sends. */
export function isGivenByGateway(header: string, { transforms, claims }: RouteConfig): boolean {
  const name = header.toLowerCase();
  if (FORWARDING.has(name)) return true;
  const isSame = (other: string) => other.toLowerCase() === name;
  const replaced = transforms.request.filter(({ kind }) => kind === 'set' || kind === 'remove');
  return replaced.some((edit) => isSame(edit.header)) || [...claims.toHeaders.keys()].some(isSame);
}

/** The responses of an operation as clients get them: with the statuses and headers that the gateway adds. */
export function withGatewayResponses(
  document: JsonObject,
  responses: JsonObject,
  { authentication, rateLimit, cache }: RouteConfig,
): JsonObject {
  const { description: _ofOthers, ...problem } = resolved(document, responses['default']);
  const refusals: JsonObject = {
    ...(authentication && { 401: { description: 'Unauthorized', ...problem } }),
    ...(rateLimit && {
      [rateLimit.status]: {
        description: 'Rate limit exceeded',
        ...(rateLimit.format === 'problem' ? problem : TEXT),
      },
    }),
  };
  const headersOf = (status: string): JsonObject => {
    if (/^2/.test(status)) return { ...(cache && AGE), ...(rateLimit?.headers && BUDGET) };
    const isRefused = rateLimit?.headers && status === String(rateLimit.status);
    return isRefused ? { ...BUDGET, ...RETRY_AFTER } : {};
  };
  const seen = Object.entries({ ...refusals, ...responses }).map(([status, response]) => {
    const added = headersOf(status);
    if (Object.keys(added).length === 0) return [status, response];
    const whole = resolved(document, response);
    return [status, { ...whole, headers: { ...objectAt(whole, 'headers'), ...added } }];
  });
  return Object.fromEntries(seen);
}

const TEXT = { content: { 'text/plain': { schema: { type: 'string' } } } };
const count = (description: string) => ({ description, schema: { type: 'integer' } });
const AGE = { Age: count('Seconds since the gateway was given this answer, when it is a kept one.') };
const BUDGET = {
  'RateLimit-Limit': count('Requests in a period.'),
  'RateLimit-Remaining': count('Requests left in this one.'),
  'RateLimit-Reset': count('Seconds to the next one.'),
};
const RETRY_AFTER = { 'Retry-After': count('Seconds to wait before the next try.') };

function resolved(document: JsonObject, response: unknown): JsonObject {
  const reference = isRecord(response) ? response['$ref'] : undefined;
  const [, name] = /^#\/components\/responses\/(.+)$/.exec(String(reference)) ?? [];
  if (name !== undefined) return objectAt(objectAt(objectAt(document, 'components'), 'responses'), name);
  return isRecord(response) ? response : {};
}
