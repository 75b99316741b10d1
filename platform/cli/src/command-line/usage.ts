import type { Argument, Command, Option } from './command.ts';

const WIDTH = 100;
const WIDEST_LABEL = 38;

/** `flotilla --help` */
export function overview(commands: readonly Command[]): string {
  const rows = commands
    .filter(({ isHidden }) => !isHidden)
    .map(({ name, summary }) => [name, summary] as const);
  return [
    'flotilla runs a system of services on this machine',
    'Usage: flotilla <command> [arguments] [options]',
    columns(rows),
    'flotilla <command> --help shows its arguments, its options and an example.',
  ].join('\n\n');
}

/** `flotilla <command> --help`; the path is `['saga', 'list']`. */
export function usageOf(path: readonly string[], command: Command): string {
  const { summary, options = {}, commands = [], example, run } = command;
  const rows = Object.entries(options).map(([name, option]) => [labelOf(name, option), option.help] as const);
  const verbs = commands
    .filter(({ isHidden }) => !isHidden)
    .map((one) => [signature([one.name], one), one.summary] as const);
  return [
    wrap(summary, WIDTH).join('\n'),
    [
      ...(run ? [`Usage: flotilla ${signature(path, command)} [options]`] : []),
      ...(verbs.length > 0 ? [`${run ? '      ' : 'Usage:'} flotilla ${path.join(' ')} <command> …`] : []),
    ].join('\n'),
    columns(verbs),
    columns(rows),
    verbs.length > 0 ? `flotilla ${path.join(' ')} <command> --help shows the options of one.` : '',
    example === undefined ? '' : `Example:\n  flotilla ${example}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** `stop <service> …` */
export function signature(path: readonly string[], { arguments: args = [] }: Command): string {
  return [...path, ...args.map(argumentText)].join(' ');
}

function argumentText({ kind, isOptional, isRepeated }: Argument): string {
  const one = isRepeated ? `${kind.placeholder} …` : kind.placeholder;
  return isOptional ? `[${one}]` : one;
}

export function labelOf(name: string, { kind, short }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${kind ? ` ${kind.placeholder}` : ''}`;
}

/** Labels, and beside them their texts, wrapped. */
function columns(rows: readonly (readonly [label: string, text: string])[]): string {
  const fitting = rows.map(([label]) => label.length).filter((length) => length <= WIDEST_LABEL);
  const indent = 2 + Math.max(0, ...fitting) + 2;
  return rows
    .flatMap(([label, text]) => {
      const [first = '', ...more] = wrap(text, WIDTH - indent);
      const rest = more.map((line) => ' '.repeat(indent) + line);
      if (label.length > WIDEST_LABEL) return [`  ${label}`, ' '.repeat(indent) + first, ...rest];
      return [`  ${label}`.padEnd(indent) + first, ...rest];
    })
    .join('\n');
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
