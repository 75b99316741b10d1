import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '@flotilla/kernel/testing';
import { startSystem } from '../test/system/running-system.ts';
import type { BugProof } from './bug-proofs.ts';
import { crashesByService } from './crash-plan.ts';
import type { ClientRecord } from './invariant.ts';
import { type Checker, type Finding, openChecker } from './invariants.ts';
import { databasesOf } from './live.ts';

/**
 * One running system for all bugs. What an earlier bug has broken stays broken, so each is judged by what is
 * violated anew.
 */
export interface BugRig {
  /** The scenario without the bug; resolves with what is violated anew once everything is at rest: should be nothing. */
  healthy(proof: BugProof): Promise<readonly string[]>;
  /** The scenario with the bug; resolves with the ids of the invariants that are violated anew once it is at rest. */
  planted(proof: BugProof): Promise<readonly string[]>;
  close(): Promise<void>;
}

const HOOK = pathToFileURL(join(import.meta.dirname, 'plant-bugs.ts'));

/** These are violated by work that still goes on; what they say counts only when it lasts. */
const UNTIL_AT_REST = ['G6', 'O1', 'O4a', 'M5b', 'S4', 'S6'];
const LASTING_MS = 6_000;
const TIMEOUT_MS = 180_000; // only tells a hang apart: the machine may be busy with other systems

/** Violations by the invariant they violate. */
type Violated = ReadonlyMap<string, ReadonlySet<string>>;

export async function createBugRig(): Promise<BugRig> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bugs-'));
  const bugsFile = join(folder, 'bugs.json');
  const plant = (bugs: Readonly<Record<string, readonly string[]>>) =>
    writeFile(bugsFile, JSON.stringify(bugs));
  await plant({});
  const hook = new URL(`?bugs=${encodeURIComponent(bugsFile)}`, HOOK);
  const system = await startSystem({ env: { NODE_OPTIONS: `--import=${hook}` } });
  await Promise.all(['alice', 'bob', 'carol'].map((user) => system.token(user)));
  const checker = openChecker(await databasesOf(system.databaseUri));

  async function run({ service, crashes, scenario }: BugProof) {
    const before = await violationsAtRest(checker);
    const armed = new Map([[service, ''], ...crashesByService(crashes)]);
    await Promise.all([...armed].map(([name, crashPoints]) => system.restart(name, crashPoints)));
    const history = await scenario(system);
    for (const { service: crashed } of crashes)
      await system.awaitInstance(crashed, 'is back', ({ state }) => state === 'Running');
    return { before, history };
  }

  return {
    healthy: async (proof) => {
      const { before, history } = await run(proof);
      return [...(await anewAtRest(checker, before, history)).keys()];
    },
    planted: async (proof) => {
      await plant({ [proof.service]: [proof.bug] });
      const { before, history } = await run(proof);
      const found = await whatIsFound(checker, before, history, proof);
      await plant({});
      await system.restart(proof.service); // healed: what the bug held up comes to its end
      await proof.heal?.(system);
      return [...found.keys()];
    },
    close: async () => {
      await checker.close();
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Everything that an earlier bug has left violated, once two looks see the same and nothing is on its way. */
async function violationsAtRest(checker: Checker): Promise<Violated> {
  let last = '';
  return await eventually(
    'nothing changes any more',
    async () => {
      const found = collect(await checker.check());
      const now = JSON.stringify([...found].map(([id, rows]) => [id, [...rows]]));
      const isStill = now === last && !found.has('G6') && !found.has('M5b');
      last = now;
      return isStill && found;
    },
    TIMEOUT_MS,
    200,
  );
}

/** What is still violated anew after a while; nothing as soon as nothing is. */
async function anewAtRest(
  checker: Checker,
  before: Violated,
  history: readonly ClientRecord[],
): Promise<Violated> {
  let anew: Violated = new Map();
  const rest = eventually(
    'nothing is violated anew',
    async () => {
      anew = subtract(collect(await checker.check({ history })), before);
      return anew.size === 0;
    },
    TIMEOUT_MS,
    100,
  );
  await rest.catch(() => undefined); // the caller says what is violated
  return anew;
}

async function whatIsFound(
  checker: Checker,
  before: Violated,
  history: readonly ClientRecord[],
  { finds, unrest = [] }: BugProof,
): Promise<Violated> {
  const lastingMs = UNTIL_AT_REST.includes(finds) ? LASTING_MS : 0;
  let anew: Violated = new Map();
  let since: number | undefined;
  const found = eventually(
    `${finds} is violated`,
    async () => {
      anew = subtract(collect(await checker.check({ history })), before);
      const isAtRest = UNTIL_AT_REST.every((id) => !anew.has(id) || id === finds || unrest.includes(id));
      if (!anew.has(finds) || !isAtRest) {
        since = undefined;
        return false;
      }
      const firstSeen = since;
      since ??= performance.now();
      // Seen twice at least: one check is not one moment for all databases.
      return firstSeen !== undefined && performance.now() - firstSeen >= lastingMs;
    },
    TIMEOUT_MS,
    200,
  );
  await found.catch(() => undefined); // the caller says what is violated instead
  return anew;
}

function collect(findings: readonly Finding[]): Violated {
  return new Map(
    findings
      .filter(({ violations }) => violations.length > 0)
      .map(({ id, violations }) => [id, new Set(violations.map((violation) => JSON.stringify(violation)))]),
  );
}

function subtract(found: Violated, before: Violated): Violated {
  const anew = [...found].map(([id, rows]) => {
    const old = before.get(id);
    return [id, new Set([...rows].filter((row) => !old?.has(row)))] as const;
  });
  return new Map(anew.filter(([, rows]) => rows.size > 0));
}
