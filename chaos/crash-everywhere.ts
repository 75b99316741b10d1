/**
 * `node chaos/crash-everywhere.ts [--flow <name>[,<name>]] [--all] [--pairs]`: walks each flow of the running shop
 * once for every crash point that it passes, kills the process there, and checks everything. Prints a table; exits
 * with 1 when something was violated or did not end as it should.
 */
import { parseArgs } from 'node:util';
import {
  type CrashRun,
  type Discovered,
  describeRun,
  planCrashes,
  planPairs,
  planRecoveries,
} from './crash-plan.ts';
import { type CrashOutcome, createCrashRig } from './crash-rig.ts';
import type { Passage } from './crash-trace.ts';
import { FLOWS } from './order-flows.ts';

const { values } = parseArgs({
  options: {
    flow: { type: 'string' },
    /** Every pass of a point, not only the first in each flow. */
    all: { type: 'boolean', default: false },
    /** Two crashes, the second during the recovery from the first. */
    pairs: { type: 'boolean', default: false },
  },
});
const names = values.flow?.split(',');
const flows = FLOWS.filter(({ name }) => names === undefined || names.includes(name));
if (flows.length === 0) throw new RangeError(`--flow: there are ${FLOWS.map(({ name }) => name).join(', ')}`);

const rig = await createCrashRig();
const outcomes: CrashOutcome[] = [];
const began = performance.now();
try {
  const discovered = await discover();
  await crashAll(plan(discovered));
  if (!values.pairs) await crashAll(planRecoveries(discovered, outcomes));
} finally {
  await rig.close();
}
const missed = outcomes.filter(({ run, crashed }) => crashed < run.crashes.length).length;
const wrong = outcomes.filter(({ problems }) => problems.length > 0).length;
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(
  `\n${outcomes.length} runs in ${seconds} s, ${missed} without a planned crash, ${wrong} violated`,
);
process.exitCode = wrong > 0 ? 1 : 0;

async function discover(): Promise<Discovered> {
  const discovered = new Map<string, readonly Passage[]>();
  for (const flow of flows) {
    const passages = await rig.discover(flow);
    const points = new Set(passages.map(({ service, point }) => `${service} ${point}`));
    console.log(`${flow.name}: ${points.size} points, ${passages.length} passes`);
    discovered.set(flow.name, passages);
  }
  return discovered;
}

async function crashAll(runs: readonly CrashRun[]): Promise<void> {
  for (const [index, run] of runs.entries()) {
    const outcome = await rig.crash(run);
    outcomes.push(outcome);
    console.log(`${String(index + 1).padStart(4)}/${runs.length}  ${lineOf(outcome)}`);
    for (const problem of outcome.problems) console.log(`           ${problem}`);
  }
}

function plan(discovered: Discovered): readonly CrashRun[] {
  return values.pairs
    ? planPairs(discovered)
    : planCrashes(discovered, values.all ? 'every-pass' : 'each-flow');
}

function lineOf({ run, durationMs, crashed, problems }: CrashOutcome): string {
  const verdict = problems.length > 0 ? 'VIOLATED' : crashed < run.crashes.length ? 'not passed' : 'ok';
  return `${verdict.padEnd(10)} ${(durationMs / 1_000).toFixed(1).padStart(5)} s  ${describeRun(run)}`;
}
