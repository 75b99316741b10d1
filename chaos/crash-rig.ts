import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@flotilla/kernel/testing';
import { PATIENCE_MS, type RunningSystem, startSystem } from '../test/system/running-system.ts';
import { type Crash, type CrashRun, crashesByService } from './crash-plan.ts';
import { type CrashTrace, createCrashTrace, type Passage } from './crash-trace.ts';
import type { ClientRecord } from './invariant.ts';
import { type Checker, type Finding, openChecker, violated } from './invariants.ts';
import { databasesOf } from './live.ts';
import { FLOWS, type Flow } from './order-flows.ts';

/** What came of a run; without problems and with every crash made it proves something. */
export interface CrashOutcome {
  readonly run: CrashRun;
  readonly durationMs: number;
  /** Crashes that happened; fewer than planned when a point was not passed again. */
  readonly crashed: number;
  /** What the system passed from the first request until it was at rest again. */
  readonly passed: readonly Passage[];
  readonly problems: readonly string[];
}

/** A running system whose services kill themselves where they are told. A system with a violation is not used again. */
export interface CrashRig {
  /** Walks a flow with no crash and tells which points it passes. */
  discover(flow: Flow): Promise<readonly Passage[]>;
  crash(run: CrashRun): Promise<CrashOutcome>;
  close(): Promise<void>;
}

interface Life {
  readonly system: RunningSystem;
  readonly checker: Checker;
  readonly trace: CrashTrace;
  readonly history: ClientRecord[];
}

/** Of a violated system it costs the whole time. */
const REST_TIMEOUT_MS = 120_000;

/**
 * Begins on a new system, or on `given`, which stays its owner's to stop. What comes after a violated one has this
 * environment.
 */
export async function createCrashRig(
  env: Readonly<Record<string, string>> = {},
  given?: { readonly system: RunningSystem; readonly trace: CrashTrace },
): Promise<CrashRig> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-crash-'));
  let lives = 0;
  let life: Life | undefined;

  async function living(): Promise<Life> {
    if (life) return life;
    lives += 1;
    const { system, trace } = lives === 1 && given ? given : await start(`trace-${lives}`);
    await Promise.all(['alice', 'bob', 'carol'].map((user) => system.token(user)));
    const checker = openChecker(await databasesOf(system.databaseUri));
    life = { system, checker, trace, history: [] };
    return life;
  }

  async function start(name: string): Promise<Pick<Life, 'system' | 'trace'>> {
    const trace = createCrashTrace(join(folder, name));
    return { trace, system: await startSystem({ env: { ...env, FLOTILLA_CRASH_TRACE: trace.file } }) };
  }

  async function end(): Promise<void> {
    const ended = life;
    life = undefined;
    await ended?.checker.close();
    if (ended?.system !== given?.system) await ended?.system.stop();
  }

  return {
    discover: async (flow) => {
      const { system, checker, trace, history } = await living();
      const mark = await trace.mark();
      const record = await flow.run(system);
      if (record) history.push(record);
      const wrong = await findUnrest(checker, history);
      if (wrong.length > 0) throw new Error(`${flow.name} without any crash: ${wrong.join('; ')}`);
      return await trace.since(mark);
    },
    crash: async (run) => {
      const outcome = await crashOnce(await living(), run);
      if (outcome.problems.length > 0) await end();
      return outcome;
    },
    close: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function crashOnce(life: Life, run: CrashRun): Promise<CrashOutcome> {
  const { system, checker, trace, history } = life;
  const began = performance.now();
  const flow = FLOWS.find(({ name }) => name === run.flow);
  if (!flow) throw new RangeError(`there is no flow ${run.flow}`);
  const before = await restartsOf(system, run.crashes);
  await Promise.all(
    [...crashesByService(run.crashes)].map(([service, crashPoints]) => system.restart(service, crashPoints)),
  );
  const mark = await trace.mark();
  const problems: string[] = [];
  const record = await flow.run(system).catch((error: Error) => {
    problems.push(error.message);
    return undefined;
  });
  if (record) history.push(record);
  problems.push(...(await findUnrest(checker, history)));
  const crashed = await settle(system, run.crashes, before);
  problems.push(...(await wrongEnd(system, flow, record)));
  const passed = await trace.since(mark);
  return { run, durationMs: performance.now() - began, crashed, passed, problems };
}

/** Waits until every message has arrived, every order has ended and nothing is violated; what is still wrong then. */
async function findUnrest(checker: Checker, history: readonly ClientRecord[]): Promise<readonly string[]> {
  let broken: readonly Finding[] = [];
  const rest = eventually(
    'the system is at rest and sound',
    async () => {
      broken = violated(await checker.check({ history }));
      return broken.length === 0;
    },
    REST_TIMEOUT_MS,
    150, // a check costs nearly as much as an order
  );
  return await rest.then(
    () => [],
    (error: Error) => [
      error.message,
      ...broken.map(({ id, what, violations }) => `${id} (${what}): ${JSON.stringify(violations[0])}`),
    ],
  );
}

async function wrongEnd(
  system: RunningSystem,
  { end, user }: Flow,
  record: ClientRecord | undefined,
): Promise<readonly string[]> {
  if (end === 'no-order' || end === 'either' || !record) return [];
  const { orderId } = record.answers[0] ?? { orderId: '' };
  const token = await system.token(user);
  const { body } = await eventually(
    'the order can be read',
    async () => {
      const answer = await system.call('GET', `/orders/${orderId}`, { token });
      return answer.status === 200 && answer;
    },
    PATIENCE_MS,
    100,
  );
  return body.status === end ? [] : [`the order should be ${end}: ${JSON.stringify(body)}`];
}

async function restartsOf(system: RunningSystem, crashes: readonly Crash[]): Promise<Map<string, number>> {
  const instances = await system.ps();
  return new Map(
    crashes.map(({ service }) => [
      service,
      instances
        .filter((instance) => instance.service === service)
        .reduce((sum, { restarts }) => sum + restarts, 0),
    ]),
  );
}

/** Waits until the crashed services are back; one that is still armed is started anew, so that it does no harm later. */
async function settle(
  system: RunningSystem,
  crashes: readonly Crash[],
  before: ReadonlyMap<string, number>,
): Promise<number> {
  let crashed = 0;
  for (const service of new Set(crashes.map((crash) => crash.service))) {
    const planned = crashes.filter((crash) => crash.service === service).length;
    await system.awaitInstance(service, 'is back', ({ state }) => state === 'Running');
    const after = await restartsOf(system, [{ service, point: '' }]);
    const happened = (after.get(service) ?? 0) - (before.get(service) ?? 0);
    if (happened < planned) await system.restart(service);
    crashed += happened;
  }
  return crashed;
}
