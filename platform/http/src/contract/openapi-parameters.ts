import type { Schema } from '@flotilla/kernel';

/** Headers that responses refer to. */
export const COMMON_HEADERS = {
  RequestId: {
    description: 'The trace id of the request: what to name when asking about it.',
    schema: { type: 'string' },
  },
  Challenge: { description: 'What the access token lacks (RFC 6750).', schema: { type: 'string' } },
};

/** Headers of a response: those that every response has, and the properties of `declared`. */
export function headersOf(declared: Schema<unknown> | undefined): object {
  const own = parametersOf('header', declared).map(({ name, in: _place, ...header }) => [name, header]);
  return { 'X-Request-Id': { $ref: '#/components/headers/RequestId' }, ...Object.fromEntries(own) };
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: unknown;
  readonly schema: object;
}

/** The properties of an object schema, one parameter each. */
export function parametersOf(
  place: Parameter['in'],
  schema: Schema<unknown> | undefined,
): readonly Parameter[] {
  if (schema === undefined) return [];
  const required = schema['required'] as readonly string[];
  return Object.entries(schema['properties'] as Record<string, Schema<unknown>>).map(([name, held]) => {
    const { description, ...type } = held;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: type,
    };
  });
}
