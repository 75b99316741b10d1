import { join } from 'node:path';
import { didYouMean } from '@flotilla/kernel';
import type { SystemConfig } from '../config.ts';
import { cliError } from '../errors.ts';
import { readSources } from './source-graph.ts';

/** Those of each service when a system comes up: `[service=]points`, without a service for every one. */
export function readCrashPoints(
  env: Readonly<Record<string, string | undefined>>,
): (service: string) => string {
  const [first = '', second] = (env['FLOTILLA_CRASH_POINT'] ?? '').split('=');
  return second === undefined ? () => first : (service) => (service === first ? second : '');
}

/**
 * Throws `CLI_USAGE` for a crash point that is nowhere in the sources of a service: a test that arms it would pass
 * without having tested anything.
 */
export async function refuseUnknownCrashPoints(
  { system, root }: { readonly system: SystemConfig; readonly root: string },
  service: string,
  crashPoints: string,
): Promise<void> {
  const { entry } = system.services[service] ?? {};
  const names = crashPoints
    .split(',')
    .filter((spec) => spec !== '')
    .map((spec) => spec.replace(/:\d+$/, ''));
  if (entry === undefined || names.length === 0) return;
  const known = pointsIn((await readSources(join(root, entry))).map(({ text }) => text));
  const wrong = names.find((name) => !known.some((pattern) => fits(pattern, name)));
  if (wrong === undefined) return;
  const meant = didYouMean(wrong, known);
  const hint = meant === undefined ? `; there are ${known.join(', ') || 'none'}` : `: did you mean ${meant}?`;
  throw cliError('CLI_USAGE', `${service} has no crash point ${wrong}${hint}`);
}

const CALL = /\bcrashPoint\(\s*(?:'([^'\n]+)'|`([^`\n]+)`)/g;

/** What `crashPoint` is called with; a name with a part that is only known when it runs has `*` there. */
function pointsIn(texts: readonly string[]): readonly string[] {
  const found = texts.flatMap((text) =>
    [...text.matchAll(CALL)].map(
      ([, plain, template = '']) => plain ?? template.replaceAll(/\$\{[^}]*\}/g, '*'),
    ),
  );
  return [...new Set(found)].sort();
}

function fits(pattern: string, name: string): boolean {
  const [begin = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  return name.startsWith(begin) && name.endsWith(rest.at(-1) ?? '');
}
