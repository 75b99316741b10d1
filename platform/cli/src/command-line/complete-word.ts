import type { Command, Option, Options } from './command.ts';
import type { ValueKind } from './value-kinds.ts';

/** What may stand where the user is typing. */
export interface Offer {
  readonly words: readonly (readonly [word: string, about: string])[];
  /** Names from elsewhere, to be added. */
  readonly also?: 'services' | 'tasks' | 'files' | 'folders';
  /** The argument before: whose tasks. */
  readonly of?: string;
}

const NOTHING: Offer = { words: [] };

/** What a shell may offer for the last of these words, which may be empty or half written. */
export function completeWord(commands: readonly Command[], words: readonly string[]): Offer {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const place = walk(commands, before);
  if (place === undefined) return NOTHING;
  const { command, options, given, awaiting } = place;
  if (awaiting !== undefined) return startingWith(current, offerOf(awaiting));
  const [, name = '', value] = /^--([^=]+)=(.*)$/.exec(current) ?? [];
  if (value !== undefined) {
    const { words: values, ...more } = startingWith(value, offerOf(options[name]?.kind));
    return { ...more, words: values.map(([word, about]) => [`--${name}=${word}`, about]) };
  }
  if (current.startsWith('-')) return startingWith(current, { words: optionWords(options) });
  const { arguments: args = [], commands: verbs = [] } = command;
  const last = args.at(-1);
  const argument = args[given.length] ?? (last?.isRepeated ? last : undefined);
  const names = given.length === 0 ? commandWords(verbs) : [];
  const { words: found, ...more } = offerOf(argument?.kind);
  const of = more.also === 'tasks' ? { of: given.at(-1) ?? '' } : {};
  return startingWith(current, { ...more, ...of, words: [...names, ...found] });
}

interface Place {
  readonly command: Pick<Command, 'arguments' | 'commands'>;
  readonly options: Options;
  /** The arguments. */
  readonly given: readonly string[];
  /** The option before needs a value. */
  readonly awaiting: ValueKind | undefined;
}

/** Where the words lead. `undefined`: nowhere. */
function walk(commands: readonly Command[], words: readonly string[]): Place | undefined {
  let place: Place = { command: { commands }, options: {}, given: [], awaiting: undefined };
  for (const word of words) {
    const next =
      place.given.length === 0 ? place.command.commands?.find(({ name }) => name === word) : undefined;
    if (place.awaiting !== undefined) {
      place = { ...place, awaiting: undefined };
    } else if (word.startsWith('-')) {
      place = { ...place, awaiting: word.includes('=') ? undefined : named(place.options, word)?.kind };
    } else if (next !== undefined) {
      const help = { help: { short: 'h', help: 'shows this' } };
      place = { command: next, options: { ...next.options, ...help }, given: [], awaiting: undefined };
    } else if (place.command.commands !== undefined && place.command.arguments === undefined) {
      return undefined;
    } else {
      place = { ...place, given: [...place.given, word] };
    }
  }
  return place;
}

function named(options: Options, word: string): Option | undefined {
  if (word.startsWith('--')) return options[word.slice(2)];
  return Object.values(options).find(({ short }) => short !== undefined && word === `-${short}`);
}

function offerOf(kind: ValueKind | undefined): Offer {
  const { offers = [] } = kind ?? {};
  return typeof offers === 'string'
    ? { words: [], also: offers }
    : { words: offers.map((word) => [word, '']) };
}

function optionWords(options: Options): Offer['words'] {
  return Object.entries(options).map(([name, { help }]) => [`--${name}`, help]);
}

function commandWords(commands: readonly Command[]): Offer['words'] {
  return commands.filter(({ isHidden }) => !isHidden).map(({ name, summary }) => [name, summary]);
}

function startingWith(current: string, { words, ...more }: Offer): Offer {
  return { ...more, words: words.filter(([word]) => word.startsWith(current)) };
}
