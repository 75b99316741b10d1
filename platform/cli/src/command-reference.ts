import type { Command, Options } from './command-line/command.ts';
import { labelOf, signature } from './command-line/usage.ts';
import { COMMANDS } from './command-line.ts';

/** The page of the documentation that lists every command with its options, made from their declarations. */
export function commandReference(): string {
  const shown = COMMANDS.filter(({ isHidden }) => !isHidden);
  return [
    '# Commands',
    '',
    'Made from their declarations by `npm run generate`; `flotilla <command> --help` says the same.',
    '',
    'In a checkout: `npx flotilla …`, or `npm run flotilla -- …`. Exit codes: 0 done, 1 failed, 2 not understood, 7 nothing is',
    'running. With `--json` an error is `{"code", "message"}` on the error stream, with the same exit code. `NO_COLOR` is respected.',
    ...shown.flatMap((command) => section([command.name], command)),
    '',
  ].join('\n');
}

function section(path: readonly string[], command: Command): readonly string[] {
  const { summary, options = {}, example, run, commands = [] } = command;
  const heading = '#'.repeat(path.length + 1);
  return [
    '',
    `${heading} \`${signature(path, command)}\``,
    '',
    `${sentence(summary)}`,
    ...(run && example !== undefined ? ['', '```sh', `flotilla ${example}`, '```'] : []),
    ...optionTable(options),
    ...commands.filter(({ isHidden }) => !isHidden).flatMap((one) => section([...path, one.name], one)),
  ];
}

function optionTable(options: Options): readonly string[] {
  const rows = Object.entries(options).map(([name, option]) =>
    [`\`${labelOf(name, option)}\``, option.help].map(escapeCell),
  );
  if (rows.length === 0) return [];
  const widths = [0, 1].map((column) => Math.max(6, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return ['', line(['option', '']), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
