import type { IncomingMessage } from 'node:http';
import { createValidator, type Schema, type Validate } from '@flotilla/kernel';
import { tolerant } from '@flotilla/kernel/schema';
import type { FastifyRequest } from 'fastify';
import { type PartIssue, Refusal, validationFailed } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';
import type { Route } from '../contract/route.ts';

/** The validated parts of a request, `undefined` where the route declares none. */
export interface RequestParts {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

/**
 * Makes the reader of one route's requests. It throws a `Refusal` naming everything that is wrong at once.
 * Validators are compiled at the first request: compiling all at boot would delay readiness.
 */
export function createPartsReader(route: Route): (request: FastifyRequest) => RequestParts {
  const params = lazyValidator(route.params, true);
  const query = lazyValidator(route.query, true);
  const headers = lazyValidator(route.headers && tolerant(route.headers), true);
  const body = lazyValidator(route.body, false);
  const headerNames = Object.keys((route.headers?.['properties'] as object | undefined) ?? {});

  return (request) => {
    const issues: PartIssue[] = [];
    const check = (part: PartIssue['in'], validate: LazyValidator | undefined, input: unknown): unknown => {
      if (validate === undefined) return undefined;
      const result = validate()(input);
      if (result.ok) return result.value;
      issues.push(...result.rejection.map((issue) => ({ in: part, ...issue })));
      return undefined;
    };
    if (body && request.body === undefined) {
      throw new Refusal(problem(400, 'malformed-json', 'A JSON body is required.'));
    }
    const parts = {
      params: check('params', params, request.params),
      query: check('query', query, request.query),
      headers: check('headers', headers, headers && readHeaders(request.raw, headerNames, issues)),
      body: check('body', body, request.body),
    };
    if (issues.length > 0) throw validationFailed(issues);
    return parts;
  };
}

type LazyValidator = () => Validate<unknown>;

function lazyValidator(schema: Schema<unknown> | undefined, coerce: boolean): LazyValidator | undefined {
  if (schema === undefined) return undefined;
  let validate: Validate<unknown> | undefined;
  return () => {
    validate ??= createValidator(schema, { coerce });
    return validate;
  };
}

/** The declared headers. One that was sent twice is ambiguous: Node would silently join or drop it. */
function readHeaders(
  raw: IncomingMessage,
  names: readonly string[],
  issues: PartIssue[],
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of names) {
    const values = headerValues(raw, name);
    if (values.length > 1) issues.push({ in: 'headers', path: `/${name}`, message: 'must be sent once' });
    else if (values.length === 1) found[name] = values[0];
  }
  return found;
}

/** Every value of a header, as it was sent. `name` is in lower case. */
export function headerValues({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] ?? '';
    if (sent.length === name.length && sent.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}
