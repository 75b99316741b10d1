import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type CrashRun, describeRun, planCrashes, planRecoveries } from '../../chaos/crash-plan.ts';
import { type CrashOutcome, type CrashRig, createCrashRig } from '../../chaos/crash-rig.ts';
import type { CrashTrace, Passage } from '../../chaos/crash-trace.ts';
import { FLOWS } from '../../chaos/order-flows.ts';
import { declaredCrashPoints, pointsHitByPackageTests } from './declared-crash-points.ts';
import { sample, seededRandom } from './order-load.ts';
import type { OrderFlow, RunningSystem } from './running-system.ts';

/**
 * A run at every point takes ten minutes and more, so each run of the tests takes others, by a seed that can be given.
 * `CRASH_POINTS=all` takes them all, as `node chaos/crash-everywhere.ts` does.
 */
const ALL = process.env['CRASH_POINTS'] === 'all';
export const CRASH_TIMEOUT_MS: number = ALL ? 1_800_000 : 600_000;
export const CRASH_SEED: number = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const SAMPLE = { points: 4, recoveries: 1, pairs: 1 };

type Pair = readonly [flow: string, first: string, second: string];

/**
 * A second crash during the recovery from the first, where "exactly once" dies: between an effect on somebody else
 * and its record. `node chaos/crash-everywhere.ts --pairs` takes all of them.
 */
const PAIRS: Readonly<Record<OrderFlow, readonly Pair[]>> = {
  orchestration: [
    ['confirmed', 'order order.after-place-commit', 'order saga.after-call'],
    ['confirmed', 'order saga.after-call', 'order saga.after-call'],
    ['confirmed', 'order saga.before-record-commit', 'inventory inventory.after-commit-stock-commit'],
    ['confirmed', 'order relay.after-publish', 'order relay.after-publish'],
    ['confirmed', 'order relay.after-publish', 'notification consumer.after-commit'],
    ['confirmed', 'notification consumer.after-commit', 'notification consumer.after-ack'],
    ['confirmed', 'payment payment.after-provider-call', 'payment payment.before-outcome-commit'],
    ['confirmed', 'payment-provider provider.after-capture-commit', 'payment payment.after-provider-call'],
    ['shipment-refused', 'payment payment.after-refund-call', 'order saga.after-undo'],
  ],
  choreography: [
    ['confirmed', 'order relay.after-publish', 'inventory consumer.after-commit'],
    ['confirmed', 'inventory consumer.after-commit', 'order order.after-grant-commit'],
    ['confirmed', 'payment payment.after-open-commit', 'payment payment.after-provider-call'],
    ['confirmed', 'payment-provider provider.after-capture-commit', 'payment payment.after-provider-call'],
    ['shipment-refused', 'order order.after-turn-commit', 'payment payment.after-refund-call'],
  ],
};

const RECOVERY_TRIES = 4;

/** What any suite has passed; together they must reach every declared point. */
const reached = new Set<string>();

function chosen<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  return ALL ? items : sample(items, count, random);
}

/** Takes a system with its trace; one that is violated is left, and another one started. */
export const crashPoints =
  (orderFlow: OrderFlow, running: () => { system: RunningSystem; trace: CrashTrace }) => (): void => {
    let rig: CrashRig;
    const discovered = new Map<string, readonly Passage[]>();
    const outcomes: CrashOutcome[] = [];
    const random = seededRandom(CRASH_SEED);
    before(async () => {
      rig = await createCrashRig({ ORDER_FLOW: orderFlow }, running());
    });
    after(() => rig?.close());

    /** What a recovery passes depends on what was on its way when the process died, so some runs are given more than one try. */
    async function crash(run: CrashRun, tries: number = 1): Promise<void> {
      const outcome = await rig.crash(run);
      outcomes.push(outcome);
      assert.deepEqual(outcome.problems, []);
      if (outcome.crashed < run.crashes.length && tries > 1) return crash(run, tries - 1);
      assert.equal(outcome.crashed, run.crashes.length, 'every armed process has killed itself');
    }

    it('finds the points that each flow passes', async (t) => {
      for (const flow of FLOWS) discovered.set(flow.name, await rig.discover(flow));
      for (const [flow, passages] of discovered) {
        t.diagnostic(`${flow}: ${passages.length} passes`);
        assert.ok(passages.length > 0, `${flow} passes no crash point`);
      }
    });

    it('ends every order as it should and keeps every invariant, whatever point is hit', async (t) => {
      const runs = chosen(planCrashes(discovered, 'each-point'), SAMPLE.points, random);
      for (const run of runs) await t.test(describeRun(run), () => crash(run));
    });

    it('does so when the recovery crashes at a point that only a recovery passes', async (t) => {
      const runs = chosen(planRecoveries(discovered, outcomes), SAMPLE.recoveries, random);
      for (const run of runs) await t.test(describeRun(run), () => crash(run, RECOVERY_TRIES));
      if (ALL) assert.ok(runs.length > 0, 'redelivered messages take another way');
    });

    it('does so when the recovery crashes where the next effect is not recorded yet', async (t) => {
      for (const [flow, ...places] of chosen(PAIRS[orderFlow], SAMPLE.pairs, random)) {
        const crashes = places.map((place) => {
          const [service = '', point = ''] = place.split(' ');
          return { service, point };
        });
        await t.test(describeRun({ flow, crashes }), () => crash({ flow, crashes }));
      }
    });

    it('says what was done', (t) => {
      const passages = [...discovered.values(), ...outcomes.map(({ passed }) => passed)].flat();
      for (const { point } of passages) reached.add(point);
      const points = new Set(
        outcomes.flatMap(({ run }) => run.crashes.map(({ service, point }) => `${service} ${point}`)),
      );
      const violations = outcomes.filter(({ problems }) => problems.length > 0).length;
      t.diagnostic(`${points.size} crash points, ${outcomes.length} runs, ${violations} violations`);
      assert.ok(points.size >= (ALL ? 40 : SAMPLE.points), 'the trace is complete');
      assert.equal(violations, 0);
    });
  };

/** Declared points that no flow has passed and no crash test of a package hits. */
export function unreachedPoints(): readonly string[] {
  const elsewhere = pointsHitByPackageTests();
  return declaredCrashPoints().filter((point) => !reached.has(point) && !elsewhere.has(point));
}
