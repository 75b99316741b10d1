import { join } from 'node:path';
import { suggest } from '../command-line/suggest.ts';
import type { SystemConfig } from '../config.ts';
import { cliError } from '../errors.ts';
import type { Faults } from './faults.ts';
import { readSources } from './source-graph.ts';

/**
 * Throws `CLI_USAGE` for a crash point or a planted bug that is nowhere in the sources of a service: a test that arms
 * it would pass without having tested anything.
 */
export async function refuseUnknownFaults(
  { system, root }: { readonly system: SystemConfig; readonly root: string },
  service: string,
  { crashPoints, plantedBug }: Faults,
): Promise<void> {
  const { entry } = system.services[service] ?? {};
  const points = namesIn(crashPoints).map((spec) => spec.replace(/:\d+$/, ''));
  const bugs = namesIn(plantedBug);
  if (entry === undefined || points.length + bugs.length === 0) return;
  const texts = (await readSources(join(root, entry))).map(({ text }) => text);
  refuse(service, 'crash point', points, called('crashPoint', texts));
  refuse(service, 'planted bug', bugs, called('plantedBug', texts));
}

function namesIn(list: string): readonly string[] {
  return list.split(',').filter((name) => name !== '');
}

/** What `crashPoint` is called with; a name with a part that is only known when it runs has `*` there. */
function called(name: string, texts: readonly string[]): readonly string[] {
  const call = new RegExp(`\\b${name}\\(\\s*(?:'([^'\\n]+)'|\`([^\`\\n]+)\`)`, 'g');
  const found = texts.flatMap((text) =>
    [...text.matchAll(call)].map(
      ([, plain, template = '']) => plain ?? template.replaceAll(/\$\{[^}]*\}/g, '*'),
    ),
  );
  return [...new Set(found)].sort();
}

function refuse(service: string, what: string, given: readonly string[], known: readonly string[]): void {
  const wrong = given.find((name) => !known.some((pattern) => fits(pattern, name)));
  if (wrong === undefined) return;
  const meant = suggest(wrong, known);
  const hint = meant === undefined ? `; there are ${known.join(', ') || 'none'}` : `: did you mean ${meant}?`;
  throw cliError('CLI_USAGE', `${service} has no ${what} ${wrong}${hint}`);
}

function fits(pattern: string, name: string): boolean {
  const [begin = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  return name.startsWith(begin) && name.endsWith(rest.at(-1) ?? '');
}
