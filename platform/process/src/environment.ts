import { accept, createValidator, type Result, reject, type Schema } from '@flotilla/kernel';
import { ConfigurationError } from './errors.ts';

/** How one environment variable is read. */
export interface Setting<T> {
  read(text: string | undefined): Result<T, string>;
  /** Kept out of anything that lists the configuration. */
  readonly secret?: true;
}

export type Environment = Readonly<Record<string, string | undefined>>;
type Settings = Readonly<Record<string, Setting<unknown>>>;
type Values<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * Reads variables by their settings. Throws one `ConfigurationError` with everything that is wrong. Secrets are
 * not enumerable in the result, so that logging or copying it does not show them. An empty variable counts as
 * absent.
 */
export function readEnvironment<const S extends Settings>(env: Environment, settings: S): Values<S> {
  const problems: string[] = [];
  const values = {};
  for (const [name, setting] of Object.entries(settings)) {
    const result = setting.read(env[name] === '' ? undefined : env[name]);
    if (!result.ok) problems.push(`${name} ${result.rejection}`);
    else Object.defineProperty(values, name, { value: result.value, enumerable: setting.secret !== true });
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return values as Values<S>; // every setting put its own value in
}

interface Default<T> {
  readonly default?: T;
}

export function text(options: Default<string> = {}): Setting<string> {
  return setting(options, (value) => accept(value));
}

/** A value that must never be seen: a password, a key, an address with credentials in it. */
export function secret(options: Default<string> & { readonly minLength?: number } = {}): Setting<string> {
  const { minLength = 1 } = options;
  return {
    ...setting(options, (value) =>
      value.length >= minLength ? accept(value) : reject(`must have at least ${minLength} characters`),
    ),
    secret: true,
  };
}

export function integer(
  options: Default<number> & { readonly min?: number; readonly max?: number } = {},
): Setting<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return setting(options, (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max
      ? accept(number)
      : reject(`must be an integer from ${min} to ${max}`);
  });
}

/** A TCP port; 0 means any free one. */
export function port(options: Default<number> = {}): Setting<number> {
  return integer({ ...options, min: 0, max: 65_535 });
}

/** `1` or `true`, `0` or `false`. Absent is false unless a default says otherwise. */
export function flag(options: Default<boolean> = {}): Setting<boolean> {
  return setting({ default: options.default ?? false }, (value) => {
    if (value === '1' || value === 'true') return accept(true);
    return value === '0' || value === 'false' ? accept(false) : reject('must be 1 or 0');
  });
}

/** An absolute URL with one of the protocols, as it was written. */
export function url(
  options: Default<string> & { readonly protocols?: readonly string[] } = {},
): Setting<string> {
  const { protocols = ['http', 'https'] } = options;
  return setting(options, (value) => {
    const protocol = URL.parse(value)?.protocol.slice(0, -1);
    return protocol !== undefined && protocols.includes(protocol)
      ? accept(value)
      : reject(`must be a ${protocols.join(' or ')} URL`);
  });
}

export function choice<const T extends readonly string[]>(
  values: T,
  options: Default<T[number]> = {},
): Setting<T[number]> {
  return setting<T[number]>(options, (value) => {
    const known = values.find((one) => one === value);
    return known === undefined ? reject(`must be one of ${values.join(', ')}`) : accept(known);
  });
}

/** A JSON document that matches a schema. Treated as a secret: it may hold some. */
export function json<T>(schema: Schema<T>, options: Default<T> = {}): Setting<T> {
  const validate = createValidator(schema);
  return {
    ...setting(options, (value) => {
      const parsed = parseJson(value);
      if (!parsed.ok) return parsed;
      const result = validate(parsed.value);
      if (result.ok) return result;
      return reject(result.rejection.map(({ path, message }) => `${path} ${message}`.trim()).join(', '));
    }),
    secret: true,
  };
}

/** The same setting, `undefined` when the variable is absent. */
export function optional<T>(held: Setting<T>): Setting<T | undefined> {
  return { ...held, read: (value) => (value === undefined ? accept(undefined) : held.read(value)) };
}

function setting<T>(options: Default<T>, parse: (value: string) => Result<T, string>): Setting<T> {
  return {
    read: (value) => {
      if (value !== undefined) return parse(value);
      return options.default === undefined ? reject('is required') : accept(options.default);
    },
  };
}

function parseJson(value: string): Result<unknown, string> {
  try {
    return accept(JSON.parse(value));
  } catch {
    return reject('must be JSON');
  }
}
