import type { Command } from './commands/command.ts';
import { table } from './table.ts';

/** `flotilla --help` */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, arguments: args, summary }) => [
    `  ${`${name} ${args}`.trimEnd()}`,
    summary,
  ]);
  return `flotilla runs a system of services on this machine\n\nUsage: flotilla <command> [options]\n\n${table(rows)}\n\nflotilla <command> --help shows its options.`;
}

/** `flotilla <command> --help` */
export function usageOf(command: Command): string {
  const { name, arguments: args, summary, options, help } = command;
  const rows = Object.entries(options).map(([option, { type, short }]) => [
    `  ${short ? `-${short}, ` : ''}--${option}${type === 'string' ? ' <value>' : ''}`,
    help[option] ?? '',
  ]);
  return `${summary}\n\nUsage: flotilla ${name} ${args ? `${args} ` : ''}[options]\n\n${table(rows)}`;
}

/** The name that was probably meant, if one is near. */
export function suggest(given: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: editDistance(given, name) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(1, Math.floor(given.length / 3)) ? best.name : undefined;
}

/** Letters to change, add, remove or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const best = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
      rows[i]?.push(best);
    }
  }
  return at(a.length, b.length);
}
