import type { ValueKind } from './value-kinds.ts';

export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Invocation {
  /** Of the options, checked against their declaration. */
  readonly values: Values;
  /** Of the arguments: the words behind the name of the command. */
  readonly positionals: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * One command of `flotilla`, or a group of them. Parsing, help, hints for mistyped words and the completions of shells
 * are all read from this declaration.
 */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly arguments?: readonly Argument[];
  readonly options?: Options;
  /** A command line that works as it stands, without the leading `flotilla`. */
  readonly example?: string;
  /** What only the configuration of a system knows, below the help; `cwd` is somewhere in it, or not. */
  readonly belowHelp?: (cwd: string) => Promise<string>;
  /** Called by programs alone: not listed. */
  readonly isHidden?: boolean;
  /** A group has these; it may do something by itself as well. */
  readonly commands?: readonly Command[];
  /** Resolves with the exit code. */
  readonly run?: (invocation: Invocation) => Promise<number>;
}

export interface Argument {
  readonly kind: ValueKind;
  readonly isOptional?: boolean;
  /** It may be repeated; only the last one can. */
  readonly isRepeated?: boolean;
}

export type Options = Readonly<Record<string, Option>>;

export interface Option {
  readonly help: string;
  /** Absent: the option is a switch. */
  readonly kind?: ValueKind;
  readonly short?: string;
  readonly isRepeated?: boolean;
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

/** The value of an option that is a number. */
export function number(values: Values, name: string): number | undefined {
  const value = text(values, name);
  return value === undefined ? undefined : Number(value);
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}

export const JSON_OPTION = { json: { help: 'for programs: JSON, errors included' } } as const;
