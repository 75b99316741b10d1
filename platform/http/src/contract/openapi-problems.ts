import { STATUS_CODES } from 'node:http';
import { type DocumentSchemas, PROBLEM_CONTENT_TYPE, type Schema } from '@flotilla/kernel';
import { named, nameOf, object } from '@flotilla/kernel/schema';
import { headersOf } from './openapi-parameters.ts';
import type { DeclaredProblems, Route } from './route.ts';

/** Statuses that the host answers by itself, whatever the route. */
export const IMPLIED = [400, 401, 403] as const;
export type ImpliedStatus = (typeof IMPLIED)[number];

const CHALLENGE = { 'WWW-Authenticate': { $ref: '#/components/headers/Challenge' } };
const COMMON: Readonly<
  Record<
    ImpliedStatus,
    { readonly name: string; readonly codes: readonly string[]; readonly headers: object }
  >
> = {
  400: { name: 'BadRequest', codes: ['validation-failed', 'malformed-json'], headers: {} },
  401: { name: 'Unauthorized', codes: ['unauthorized'], headers: CHALLENGE },
  403: { name: 'Forbidden', codes: ['forbidden'], headers: CHALLENGE },
};

export interface DescribedProblems {
  /** Responses that routes refer to. */
  readonly common: object;
  /** The problems of a route by status, and `default` for all that it does not name. */
  of(route: Route, implied: readonly ImpliedStatus[]): object;
}

export function describeProblems({ toRead }: DocumentSchemas): DescribedProblems {
  function response(
    status: number,
    { codes, members, headers }: DeclaredProblems,
    more: object = {},
  ): object {
    const title = STATUS_CODES[status] ?? 'Error';
    const examples = codes.map((code) => [
      code,
      { value: { type: 'about:blank', title, status, code, traceId: '4bf92f3577b34da6a3ce929d0e0e4736' } },
    ]);
    return {
      description: `${title}: ${codes.join(', ')}`,
      headers: { ...headersOf(headers), ...more },
      content: {
        [PROBLEM_CONTENT_TYPE]: {
          schema: toRead(problemSchema(members)),
          examples: Object.fromEntries(examples),
        },
      },
    };
  }

  const common = IMPLIED.map((status) => {
    const { name, codes, headers } = COMMON[status];
    return [name, response(status, { codes }, headers)];
  });
  const others = {
    description: 'The request was refused or failed',
    headers: headersOf(undefined),
    content: { [PROBLEM_CONTENT_TYPE]: { schema: toRead(problemSchema()) } },
  };

  return {
    common: { ...Object.fromEntries(common), Problem: others },
    of: ({ problems = {} }, implied) => {
      const given = implied.map((status) => [status, refer(COMMON[status].name)]);
      const own = Object.entries(problems).map(([key, declared]) => {
        const also = IMPLIED.find((status) => status === Number(key) && implied.includes(status));
        const { codes, headers } = also === undefined ? { codes: [], headers: {} } : COMMON[also];
        return [key, response(Number(key), { ...declared, codes: [...codes, ...declared.codes] }, headers)];
      });
      return { ...Object.fromEntries([...given, ...own]), default: refer('Problem') };
    },
  };
}

function refer(response: string): object {
  return { $ref: `#/components/responses/${response}` };
}

const MEMBERS = {
  type: { type: 'string', format: 'uri-reference' },
  title: { type: 'string' },
  status: { type: 'integer' },
  code: { type: 'string', description: 'Stable; what programs decide by.', examples: ['validation-failed'] },
  detail: { type: 'string' },
  traceId: { type: 'string', description: 'Finds the request in logs and traces.' },
  errors: {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        in: { type: 'string', enum: ['body', 'query', 'params', 'headers'] },
        path: { type: 'string', description: 'A JSON pointer into that part.' },
        message: { type: 'string' },
      },
      required: ['path', 'message'],
    },
  },
};
const ALWAYS = ['type', 'title', 'status', 'code', 'traceId'];

/** RFC 9457 problem details, with what the problems of a route have beside the usual members. */
function problemSchema(members: Schema<unknown> = object({})): Schema<unknown> {
  const required = members['required'] as readonly string[];
  return named(nameOf(members) ?? 'Problem', {
    type: 'object',
    description: 'RFC 9457 problem details; `code` is stable.',
    properties: { ...MEMBERS, ...(members['properties'] as object) },
    required: [...ALWAYS, ...required],
  });
}
