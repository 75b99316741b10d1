import { isPlatformError } from '@flotilla/kernel';

/** Compared without case, dashes and underscores: `access_token`, `accessToken` and `Access-Token` are one. */
const SENSITIVE: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'password',
  'passwordhash',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'secret',
  'clientsecret',
  'servicesecret',
  'apikey',
  'providerapikey',
  'privatekey',
]);

const REDACTED = '[redacted]';
const MAX_DEPTH = 5;
const MAX_CAUSES = 5;

/**
 * Makes fields safe and useful to log: values under sensitive keys are replaced in the first 5 levels, errors
 * become plain objects with code, stack and causes. Deeper levels are cut, so that a log line stays bounded.
 */
export function loggable(fields: object): Record<string, unknown> {
  return copyObject(fields, 0);
}

function copy(value: unknown, depth: number): unknown {
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
    out[key] = isSensitive(key) && held !== undefined ? REDACTED : copy(held, depth);
  }
  return out;
}

// Keys repeat with every line, so the normalised answer is remembered; bounded because keys may be data.
const known = new Map<string, boolean>();

function isSensitive(key: string): boolean {
  let answer = known.get(key);
  if (answer === undefined) {
    answer = SENSITIVE.has(key.toLowerCase().replaceAll(/[-_]/g, ''));
    if (known.size < 2_000) known.set(key, answer);
  }
  return answer;
}

function describeError(error: Error, depth: number, causes: number): Record<string, unknown> {
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(code !== undefined && { code }),
    message: error.message,
    ...(isPlatformError(error) && {
      retryable: error.retryable,
      details: copyObject(error.details, depth + 1),
    }),
    stack: error.stack,
    ...(error instanceof AggregateError &&
      causes < MAX_CAUSES && { errors: error.errors.slice(0, 5).map((one) => cause(one, depth, causes)) }),
    ...(error.cause !== undefined && causes < MAX_CAUSES && { cause: cause(error.cause, depth, causes) }),
  };
}

function cause(thrown: unknown, depth: number, causes: number): unknown {
  return thrown instanceof Error ? describeError(thrown, depth, causes + 1) : copy(thrown, depth + 1);
}
