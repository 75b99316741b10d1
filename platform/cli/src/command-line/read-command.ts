import { parseArgs } from 'node:util';
import { didYouMean } from '@flotilla/kernel';
import { cliError } from '../errors.ts';
import type { Command, Invocation, Option, Options } from './command.ts';
import { signature } from './usage.ts';

export interface FoundCommand {
  /** The words that lead to it: `['saga', 'list']`. */
  readonly path: readonly string[];
  readonly command: Command;
  /** What is left: its arguments and options. */
  readonly rest: readonly string[];
}

const HELP: Options = { help: { short: 'h', help: 'shows this' } };

/** The command that the first words name. Throws `CLI_USAGE` for one that does not exist. */
export function findCommand(commands: readonly Command[], words: readonly string[]): FoundCommand {
  const [name = '', ...rest] = words;
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw noSuchCommand([name], commands);
  return descend({ path: [name], command, rest });
}

function descend(found: FoundCommand): FoundCommand {
  const { path, command, rest } = found;
  const [name = '', ...further] = rest;
  const next = command.commands?.find((one) => one.name === name);
  return next === undefined ? found : descend({ path: [...path, name], command: next, rest: further });
}

/** Throws for a word that is none of these commands, with the one that was probably meant. */
function noSuchCommand(path: readonly string[], commands: readonly Command[]) {
  const names = commands.filter(({ isHidden }) => !isHidden).map((one) => one.name);
  const [group, given] = [path.slice(0, -1), path.at(-1) ?? ''];
  const meant = didYouMean(given, names);
  if (given.startsWith('-'))
    return cliError('CLI_USAGE', `the command comes before its options: flotilla <command> ${given}`);
  const hint =
    meant === undefined
      ? `${['flotilla', ...group].join(' ')} knows ${names.join(', ')}`
      : `did you mean ${[...group, meant].join(' ')}?`;
  return cliError('CLI_USAGE', `there is no command ${path.join(' ')}: ${hint}`);
}

/** Its options and arguments, checked. Throws `CLI_USAGE` for what the declaration does not allow. */
export function readArguments({
  path,
  command,
  rest,
}: FoundCommand): Pick<Invocation, 'values' | 'positionals'> & { readonly wantsHelp: boolean } {
  const options: Options = { ...command.options, ...HELP };
  const { values, positionals, tokens } = parseArgs({
    args: [...rest],
    options: Object.fromEntries(Object.entries(options).map(toParseOption)),
    allowPositionals: true,
    allowNegative: true,
    strict: false, // what is wrong is said in our words
    tokens: true,
  });
  const wantsHelp = values['help'] === true;
  if (wantsHelp) return { values: {}, positionals: [], wantsHelp };
  const where = path.join(' ');
  for (const token of tokens) if (token.kind === 'option') checkOption(where, options, token);
  checkArguments({ path, command, rest }, positionals);
  return { values: values as Invocation['values'], positionals, wantsHelp };
}

function toParseOption([name, { kind, short, isRepeated }]: readonly [string, Option]) {
  const type = kind === undefined ? ('boolean' as const) : ('string' as const);
  return [name, { type, ...(short && { short }), ...(isRepeated && { multiple: true }) }] as const;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkOption(where: string, options: Options, token: OptionToken): void {
  const { name, rawName, value, inlineValue } = token;
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  const isNegated = rawName === `--no-${name}`;
  if (option === undefined || (isNegated && option.kind !== undefined)) {
    const meant = didYouMean(name, Object.keys(options));
    const hint = meant === undefined ? `see flotilla ${where} --help` : `did you mean --${meant}?`;
    throw cliError('CLI_USAGE', `${where} has no option ${rawName}: ${hint}`);
  }
  if (option.kind === undefined) {
    if (value !== undefined) throw cliError('CLI_USAGE', `${rawName} takes no value, got ${value}`);
    return;
  }
  if (value === undefined || (!inlineValue && /^-[^\d]/.test(value)))
    throw cliError('CLI_USAGE', `${rawName} needs a value: ${rawName} ${option.kind.placeholder}`);
  const refusal = option.kind.refuse?.(value);
  if (refusal !== undefined) throw cliError('CLI_USAGE', `--${name} ${refusal}`);
}

function checkArguments({ path, command }: FoundCommand, given: readonly string[]): void {
  const { arguments: args = [], commands = [], run } = command;
  const [extra] = given.slice(args.length);
  const takesMore = args.at(-1)?.isRepeated === true;
  // The word was probably meant as the name of a command of this group.
  if (commands.length > 0 && extra !== undefined && !takesMore)
    throw noSuchCommand([...path, extra], commands);
  if (run === undefined)
    throw cliError(
      'CLI_USAGE',
      `${path.join(' ')} needs a command: ${commands.map(({ name }) => name).join(', ')}`,
    );
  const usage = `usage: flotilla ${signature(path, command)}`;
  const least = args.filter(({ isOptional }) => !isOptional).length;
  if (given.length < least) throw cliError('CLI_USAGE', usage);
  if (extra !== undefined && !takesMore)
    throw cliError('CLI_USAGE', `${path.join(' ')} does not take ${extra}; ${usage}`);
  for (const [index, word] of given.entries()) {
    const { kind } = args[Math.min(index, args.length - 1)] ?? {};
    const refusal = kind?.refuse?.(word);
    if (refusal !== undefined) throw cliError('CLI_USAGE', `${kind?.placeholder} ${refusal}`);
  }
}
