import { table } from '../screen/table.ts';
import type { Demo } from './demo.ts';
import type { Performance } from './play-demo.ts';

export function demoTable(demos: readonly Demo[]): string {
  return table(demos.map(({ name, chapter, does }) => [name, chapter, does]));
}

export function demoHead({ name, chapter, does }: Demo): string {
  return `${name} (guide, ${chapter})\n  ${does}`;
}

/** Below its steps: what held, where to look, what the pattern is for. */
export function performanceView({ demo, outcome, claims, reason }: Performance): string {
  if (outcome === 'not-possible') return `not shown here: ${reason}`;
  const judged = claims.map(({ claim, holds, seen }) => `  ${holds ? '✓' : '✗'} ${claim}: ${seen}`);
  if (reason !== undefined) judged.push(`  ✗ ${reason}`);
  return [
    ...judged,
    'look at',
    ...demo.look.map((line) => `  ${line}`),
    'without it',
    `  ${demo.without}`,
  ].join('\n');
}

export function performanceJson({ demo, outcome, steps, claims, reason }: Performance): object {
  return { ...demoJson(demo), outcome, steps, claims, ...(reason !== undefined && { reason }) };
}

export function demoJson({ name, chapter, does, look, without }: Demo): object {
  return { name, chapter, does, look, without };
}
