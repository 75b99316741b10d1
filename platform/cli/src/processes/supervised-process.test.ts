import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createManualClock, eventually } from '@flotilla/kernel/testing';
import { openServiceLog } from '../logs/service-log.ts';
import {
  type Addresses,
  createUnit,
  type Ending,
  type Launched,
  type UnitEvent,
  type UnitOptions,
} from './supervised-process.ts';

/** Processes that the test ends. */
function setUp(how: Pick<UnitOptions, 'needsHeldSinceMs' | 'isEssential'> = {}) {
  const clock = createManualClock();
  const events: UnitEvent[] = [];
  const processes: (PromiseWithResolvers<Ending> & {
    readonly readiness: PromiseWithResolvers<Addresses>;
    readonly armed: Readonly<Record<string, string>>;
    readonly signals: string[];
  })[] = [];
  const launch = async (armed: Readonly<Record<string, string>>): Promise<Launched> => {
    const ended = Promise.withResolvers<Ending>();
    const readiness = Promise.withResolvers<Addresses>();
    const signals: string[] = [];
    processes.push({ ...ended, readiness, armed, signals });
    return {
      pid: processes.length,
      ready: readiness.promise,
      ended: ended.promise,
      stop: () => void signals.push('stop'),
      kill: () => {
        signals.push('kill');
        ended.resolve({ how: 'killed', hopeless: false });
      },
    };
  };
  const unit = createUnit({
    service: 'order',
    instance: 'order-1',
    log,
    launch,
    clock,
    onEvent: (event) => events.push(event),
    readyTimeoutMs: 30_000,
    ...how,
  });
  const process = (number: number) => eventually(`process ${number} runs`, () => processes[number - 1]);
  const crash = async (number: number, hopeless = false) =>
    (await process(number)).resolve({ how: 'exit code 1', hopeless });
  const types = () => events.map(({ type }) => type);
  return { clock, events, unit, process, crash, types };
}

const folder = mkdtempSync(join(tmpdir(), 'flotilla-unit-'));
const log = openServiceLog(join(folder, 'order-1.log'));

describe('a supervised process', () => {
  after(() => {
    log.close();
    rmSync(folder, { recursive: true });
  });

  it('runs once it says that it is ready', async () => {
    const { unit, process } = setUp();
    const started = unit.start();
    (await process(1)).readiness.resolve({ url: 'http://127.0.0.1:1' });
    assert.equal(await started, true);
    assert.deepEqual(unit.status(), {
      service: 'order',
      instance: 'order-1',
      pid: 1,
      state: 'Running',
      restarts: 0,
      url: 'http://127.0.0.1:1',
    });
    const stopped = unit.stop();
    assert.equal(unit.status().state, 'Stopping');
    (await process(1)).resolve({ how: 'exit code 0', hopeless: false });
    await stopped;
    assert.deepEqual([unit.status().state, unit.status().pid], ['Stopped', null]);
  });

  it('is started again after a crash, without its crash point', async () => {
    const { unit, process, crash, clock, types } = setUp();
    const started = unit.start('relay.after-publish');
    (await process(1)).readiness.resolve({});
    await started;
    await crash(1);
    await eventually('it waits', () => unit.status().state === 'Restarting');
    await clock.advance(200);
    (await process(2)).readiness.resolve({});
    await eventually('it runs', () => unit.status().state === 'Running');
    assert.deepEqual(
      [(await process(1)).armed, (await process(2)).armed],
      [{ FLOTILLA_CRASH_POINT: 'relay.after-publish' }, {}],
    );
    assert.equal(unit.status().restarts, 1);
    assert.deepEqual(types(), ['starting', 'ready', 'crashed', 'starting', 'ready']);
  });

  it('is given up after five quick crashes, with its last fifty lines, until it is started again', async () => {
    const { unit, process, crash, clock, events } = setUp();
    for (let n = 1; n <= 60; n += 1) log.write(Buffer.from(`line ${n}\n`));
    const started = unit.start();
    for (let n = 1; n <= 5; n += 1) {
      await crash(n);
      await eventually('it is noticed', () => unit.status().state !== 'Starting');
      await clock.advance(10_000);
    }
    assert.equal(await started, false);
    assert.equal(unit.status().state, 'CrashLoop');
    const last = events.at(-1);
    assert.ok(last?.type === 'gave-up');
    assert.equal(last.lines.length, 50);
    assert.equal(last.lines.at(-1), 'line 60');
    await clock.advance(60_000);
    assert.equal(unit.status().pid, null);
    const again = unit.start();
    (await process(6)).readiness.resolve({});
    assert.equal(await again, true);
  });

  it('is given up at once when its configuration is wrong', async () => {
    const { unit, crash } = setUp();
    const started = unit.start();
    await crash(1, true);
    assert.equal(await started, false);
    assert.equal(unit.status().state, 'CrashLoop');
  });

  it('is killed when it does not become ready in time', async () => {
    const { unit, process, clock } = setUp();
    void unit.start();
    const first = await process(1);
    await clock.advance(30_000);
    await eventually('it waits for its restart', () => unit.status().state === 'Restarting');
    assert.deepEqual(first.signals, ['kill']);
  });

  it('can be stopped while it waits for its restart', async () => {
    const { unit, crash } = setUp();
    const started = unit.start();
    await crash(1);
    await eventually('it waits', () => unit.status().state === 'Restarting');
    await unit.stop();
    assert.equal(await started, false);
    assert.equal(unit.status().state, 'Stopped');
  });

  it('is never given up while what it needs is away, and tried at once when that is back', async () => {
    let heldSinceMs: number | undefined;
    const { unit, process, crash, clock, types } = setUp({ needsHeldSinceMs: () => heldSinceMs });
    const started = unit.start();
    for (let n = 1; n <= 12; n += 1) {
      await crash(n);
      await eventually('it waits', () => unit.status().state === 'Restarting');
      if (n < 12) await clock.advance(10_000);
    }
    assert.equal(await started, false, 'nobody waits for it for ever');
    assert.equal(types().includes('gave-up'), false);
    heldSinceMs = clock.now().getTime();
    unit.retry();
    (await process(13)).readiness.resolve({});
    await eventually('it runs', () => unit.status().state === 'Running');
  });

  it('is not blamed for an end during whose life something was away, nor when it says that something was', async () => {
    const now = { sinceMs: Number.NEGATIVE_INFINITY };
    const { unit, process, clock, types } = setUp({ needsHeldSinceMs: () => now.sinceMs });
    void unit.start();
    for (let n = 1; n <= 12; n += 1) {
      const current = await process(n);
      const isOdd = n % 2 === 1;
      now.sinceMs = isOdd ? clock.now().getTime() + 1 : Number.NEGATIVE_INFINITY; // gone and back since it started
      current.resolve({ how: 'exit code 75', hopeless: false, lacked: !isOdd });
      await eventually('it waits', () => unit.status().state === 'Restarting');
      await clock.advance(10_000);
    }
    assert.equal(types().includes('gave-up'), false);
  });

  async function givenUp(hopeless: boolean) {
    const rig = setUp();
    const started = rig.unit.start('a,b');
    for (let n = 1; n <= (hopeless ? 1 : 5); n += 1) {
      await rig.crash(n, hopeless);
      await eventually('it is noticed', () => rig.unit.status().state !== 'Starting');
      await rig.clock.advance(10_000);
    }
    assert.equal(await started, false);
    return rig;
  }

  it('comes back after it was given up when what it needs does', async () => {
    const { unit, process, types } = await givenUp(false);
    unit.retry();
    unit.retry();
    (await process(6)).readiness.resolve({});
    await eventually('it runs', () => unit.status().state === 'Running');
    assert.deepEqual((await process(6)).armed, {});
    assert.equal(types().filter((type) => type === 'starting').length, 6);
  });

  it('stays down when its configuration is wrong or somebody stopped it, whatever comes back', async () => {
    const wrong = await givenUp(true);
    wrong.unit.retry();
    assert.equal(wrong.unit.status().state, 'CrashLoop');
    const stopped = await givenUp(false);
    await stopped.unit.stop();
    stopped.unit.retry();
    assert.equal(stopped.unit.status().state, 'Stopped');
  });

  it('is tried for ever, ten seconds apart, when nothing runs without it', async () => {
    const { unit, process, crash, clock, events } = setUp({ isEssential: true });
    const started = unit.start();
    for (let n = 1; n <= 20; n += 1) {
      await crash(n);
      await eventually('it waits', () => unit.status().state === 'Restarting');
      await clock.advance(10_000);
    }
    assert.equal(await started, false);
    assert.equal(events.filter((event) => event.type === 'crashed').at(-1)?.restartInMs, 10_000);
    (await process(21)).readiness.resolve({});
    await eventually('it runs', () => unit.status().state === 'Running');
  });

  it('starts again after it has stopped when it is told so while it stops', async () => {
    const { unit, process, types } = setUp();
    const started = unit.start();
    (await process(1)).readiness.resolve({});
    await started;
    const stopped = unit.stop();
    const [again, too] = [unit.start('a'), unit.start('a')];
    assert.equal(unit.status().state, 'Stopping');
    const first = await process(1);
    assert.deepEqual(first.signals, ['stop'], 'asked once');
    first.resolve({ how: 'exit code 0', hopeless: false });
    await stopped;
    (await process(2)).readiness.resolve({});
    assert.deepEqual(await Promise.all([again, too]), [true, true]);
    assert.deepEqual((await process(2)).armed, { FLOTILLA_CRASH_POINT: 'a' });
    assert.deepEqual(types(), ['starting', 'ready', 'stopped', 'starting', 'ready']);
  });

  it('stays down when the start that waited for its end is taken back', async () => {
    const { unit, process, types } = setUp();
    const started = unit.start();
    (await process(1)).readiness.resolve({});
    await started;
    const stops = [unit.stop()];
    const again = unit.start();
    stops.push(unit.stop());
    const first = await process(1);
    assert.deepEqual(first.signals, ['stop'], 'asked once: twice would mean at once');
    first.resolve({ how: 'exit code 0', hopeless: false });
    await Promise.all(stops);
    assert.equal(await again, false);
    assert.deepEqual(types(), ['starting', 'ready', 'stopped']);
    assert.equal(unit.status().state, 'Stopped');
  });

  it('may be started and stopped twice', async () => {
    const { unit, process } = setUp();
    const [first, second] = [unit.start(), unit.start()];
    (await process(1)).readiness.resolve({});
    assert.deepEqual(await Promise.all([first, second]), [true, true]);
    const stops = [unit.stop(), unit.stop()];
    (await process(1)).resolve({ how: 'exit code 0', hopeless: false });
    await Promise.all(stops);
    await unit.stop();
    assert.equal(unit.status().state, 'Stopped');
  });
});
