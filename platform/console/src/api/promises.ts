import type { ConsoleDeps } from '../deps.ts';
import { oneOf, textOf } from './input.ts';

const SHOWN = 5;

/** What users were promised, and how much of what may go wrong is left; those in trouble first. */
export async function listSlos({ slos }: ConsoleDeps): Promise<object> {
  const rows = await slos();
  return { slos: rows.toSorted((a, b) => (a.budgetLeft ?? 2) - (b.budgetLeft ?? 2)) };
}

/** What must hold of the data whatever happens, looked for in the databases now. */
export async function checkInvariants({ invariants }: ConsoleDeps, query: URLSearchParams): Promise<object> {
  if (invariants === undefined) return { isDeclared: false, findings: [] };
  const moment = oneOf(textOf(query, 'moment') ?? 'always', ['always', 'at-rest'] as const, 'moment');
  const beganMs = performance.now();
  const found = await invariants(moment);
  const findings = found.map(({ violations, ...one }) => ({
    ...one,
    count: violations.length,
    violations: violations.slice(0, SHOWN),
  }));
  return {
    isDeclared: true,
    moment,
    tookMs: performance.now() - beganMs,
    findings: findings.toSorted((a, b) => b.count - a.count),
  };
}
