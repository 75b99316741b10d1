import type { ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Invocation {
  readonly values: Values;
  readonly positionals: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One command of `flotilla`. It resolves with the exit code. */
export interface Command {
  readonly name: string;
  /** Shown behind the name: `<service>`. */
  readonly arguments: string;
  readonly summary: string;
  /** How many positional arguments it takes: at least, at most. */
  readonly takes: readonly [number, number];
  readonly options: Options;
  /** One line for each option. */
  readonly help: Readonly<Record<string, string>>;
  run(invocation: Invocation): Promise<number>;
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of an option that may be repeated. */
export function texts(values: Values, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}

export const JSON_OPTION = { json: { type: 'boolean' } } as const;
export const JSON_HELP = { json: 'for programs: JSON' };
