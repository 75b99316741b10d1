import { isPlatformError, isSecretName, REDACTED, redactText } from '@flotilla/kernel';

const MAX_DEPTH = 5;
const MAX_CAUSES = 5;

/**
 * Makes fields safe and useful to log: values under secret names are replaced in the first 5 levels, and what looks like a secret in texts; errors
 * become plain objects with code, stack and causes. Deeper levels are cut, so that a log line stays bounded.
 */
export function loggable(fields: object): Record<string, unknown> {
  return copyObject(fields, 0);
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value, depth, 0);
  if (value instanceof Date || 'toJSON' in value) return value;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return `[${value.constructor.name} of ${value.size}]`;
  return copyObject(value, depth + 1);
}

function copyObject(value: object, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, held] of Object.entries(value)) {
    out[key] = isSecretName(key) && held !== undefined ? REDACTED : copy(held, depth);
  }
  return out;
}

function describeError(error: Error, depth: number, causes: number): Record<string, unknown> {
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(code !== undefined && { code }),
    message: redactText(error.message),
    ...(isPlatformError(error) && {
      retryable: error.retryable,
      details: copyObject(error.details, depth + 1),
    }),
    stack: error.stack && redactText(error.stack),
    ...(error instanceof AggregateError &&
      causes < MAX_CAUSES && { errors: error.errors.slice(0, 5).map((one) => cause(one, depth, causes)) }),
    ...(error.cause !== undefined && causes < MAX_CAUSES && { cause: cause(error.cause, depth, causes) }),
  };
}

function cause(thrown: unknown, depth: number, causes: number): unknown {
  return thrown instanceof Error ? describeError(thrown, depth, causes + 1) : copy(thrown, depth + 1);
}
