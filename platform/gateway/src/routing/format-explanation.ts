import type { Explanation, Loser, Winner } from './explain.ts';

const MOST_OTHERS = 20;

/** For people. Those that came closest are shown first, at most 20. */
export function formatExplanation(explanation: Explanation): string {
  const { method, host, path, query, winner, refusal, others } = explanation;
  const lines = [`${method} ${path}${query} (Host: ${host})`, ''];
  if (refusal !== undefined)
    lines.push(`  ${refusal.status} ${refusal.code}${refusal.detail ? `: ${refusal.detail}` : ''}`);
  if (winner !== undefined) lines.push(...formatWinner(winner));
  if (others.length > 0) lines.push('', '  not taken:', ...formatOthers(others));
  return lines.join('\n');
}

function formatWinner(winner: Winner): readonly string[] {
  const lines = [`  ${winner.kind} ${winner.place}  ${winner.name}`];
  for (const [name, value] of Object.entries(winner.values)) lines.push(`    {${name}} = ${value}`);
  if (winner.answer !== undefined) lines.push(`    → answered here: ${winner.answer}`);
  for (const { method, url, balancer, instances, policies } of winner.upstream) {
    lines.push(`    → ${url === undefined ? '400: a value would become a dot segment' : `${method} ${url}`}`);
    lines.push(
      `      ${instances === 'by discovery' ? 'instances by discovery' : `${instances} host(s)`}, ${balancer}`,
    );
    if (policies.length > 0) lines.push(`      ${policies.join(' · ')}`);
  }
  return lines;
}

function formatOthers(others: readonly Loser[]): readonly string[] {
  const closest = others.toSorted((one, other) => distance(one) - distance(other));
  const shown = closest
    .slice(0, MOST_OTHERS)
    .map(({ place, name, reasons }) => `    ${place}  ${name}: ${reasons.join('; ')}`);
  return others.length > MOST_OTHERS
    ? [...shown, `    … and ${others.length - MOST_OTHERS} more, --json has all`]
    : shown;
}

/** Another path is further away than any other reason. */
function distance({ reasons }: Loser): number {
  return (reasons.includes('the path does not match') ? 10 : 0) + reasons.length;
}
