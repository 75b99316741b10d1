import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CrashTrace, createCrashTrace } from '../../chaos/crash-trace.ts';
import { alerting } from './alerting.ts';
import { CRASH_SEED, CRASH_TIMEOUT_MS, crashPoints, unreachedPoints } from './crash-points.ts';
import { demos } from './demos.ts';
import { documents } from './documents.ts';
import { FUZZ_SEED, fuzz } from './fuzz.ts';
import { ordering } from './ordering.ts';
import { projection } from './projection.ts';
import { revocation } from './revocation.ts';
import { ORDER_FLOWS, type OrderFlow, type RunningSystem, startSystem } from './running-system.ts';
import { secrets } from './secrets.ts';
import { seeing } from './seeing.ts';
import { SURVIVAL_SEED, survival } from './survival.ts';

/** The routes are those of both flows: the seed chooses which one is behind them. */
const FUZZED = ORDER_FLOWS[FUZZ_SEED % ORDER_FLOWS.length];

/**
 * One running shop a flow, for all suites: each leaves it sound, however much was killed in it, and the next one goes on
 * with what is there. One flow after the other: two shops at once take a small machine longer than that.
 */
for (const flow of ORDER_FLOWS) describe(`the shop that runs by ${flow}`, suites(flow));

function suites(flow: OrderFlow): () => void {
  return () => {
    let folder: string;
    let shop: { readonly system: RunningSystem; readonly trace: CrashTrace };
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'flotilla-trace-'));
      const trace = createCrashTrace(join(folder, 'trace'));
      const env = { ORDER_FLOW: flow, FLOTILLA_CRASH_TRACE: trace.file };
      shop = { trace, system: await startSystem({ env }) };
    });
    after(async () => {
      await shop?.system.stop();
      await rm(folder, { recursive: true });
    });
    const system = () => shop.system;

    describe(`takes orders by ${flow}`, ordering(system));
    if (flow === 'orchestration') describe('keeps what its documents say', documents(system));
    if (flow === 'orchestration') describe('rebuilds a read model', projection(system));
    describe(`shows its patterns by ${flow}`, demos(flow, system));
    // With RabbitMQ the change would have to come from there.
    if (flow === 'orchestration' && !process.env['RABBITMQ_URL'])
      describe('ends tokens before their time', revocation(system));
    if (flow === 'orchestration') describe('keeps secrets', secrets(system));
    if (flow === 'orchestration') describe('is seen, and repaired', seeing(system));
    if (flow === 'orchestration') describe('calls somebody', alerting(system));
    if (flow === FUZZED) describe(`answers what nobody meant (FUZZ_SEED=${FUZZ_SEED})`, fuzz(system));
    describe(`survives kills (SURVIVAL_SEED=${SURVIVAL_SEED}) by ${flow}`, survival(system));
    describe(
      `survives a crash between any two effects (CRASH_SEED=${CRASH_SEED}) by ${flow}`,
      { timeout: CRASH_TIMEOUT_MS },
      crashPoints(flow, () => shop),
    );
  };
}

describe('the crash points of both flows', () => {
  it('leave no declared point unreached', () => {
    assert.deepEqual(unreachedPoints(), [], 'no flow and no crash test of a package passes these');
  });
});
