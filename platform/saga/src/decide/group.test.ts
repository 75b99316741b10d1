import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { firstState } from './course.ts';
import {
  answerCancel,
  type Conditions,
  hasStartedPivot,
  isEnded,
  type PlannedStep,
  type SagaEvent,
  type SagaPlan,
  type SagaState,
} from './state.ts';
import { transition } from './transition.ts';

const CALM: Conditions = { deadlineInMs: 60_000, stuckAfterAttempts: 5, stuckRetryMs: 60_000, random: 0.5 };
const FAULT = { code: 'DOWN', message: 'no answer', retryable: true };

function member(name: string, undoable = true): PlannedStep {
  return { name, undoable, initialMs: 100, maxMs: 5_000 };
}

function group(name: string, members: readonly PlannedStep[]): PlannedStep {
  return {
    ...member(
      name,
      members.some(({ undoable }) => undoable),
    ),
    members,
  };
}

const TRIP: SagaPlan = {
  steps: [
    member('plan'),
    group('book', [member('hotel'), member('flight'), member('seat', false)]),
    member('pay'),
  ],
  pivot: 2,
};

function after(state: SagaState, ...events: readonly SagaEvent[]): SagaState {
  return events.reduce((now, event) => transition(TRIP, now, event, CALM).state, state);
}

const succeeded = (branch?: string): SagaEvent => ({
  kind: 'succeeded',
  ...(branch !== undefined && { branch }),
});
const refused = (branch: string): SagaEvent => ({ kind: 'rejected', branch, rejection: { code: 'no' } });
const failed = (branch: string, retryable = true): SagaEvent => ({
  kind: 'failed',
  branch,
  fault: { ...FAULT, retryable },
});
const open = ({ branches = [] }: SagaState) =>
  branches.filter(({ status }) => status === 'open').map(({ name }) => name);
const booking = after(firstState(TRIP), succeeded());

describe('a group going forward', () => {
  it('opens all branches at once and joins with the last', () => {
    assert.deepEqual(open(booking), ['hotel', 'flight', 'seat']);
    const two = after(booking, succeeded('seat'), succeeded('hotel'));
    assert.deepEqual([two.step, open(two)], [1, ['flight']]);
    assert.deepEqual(
      [after(two, succeeded('flight')).step, after(two, succeeded('flight')).branches],
      [2, undefined],
    );
  });

  it('ignores what happens to a branch that is closed', () => {
    const one = after(booking, succeeded('hotel'));
    assert.equal(after(one, succeeded('hotel'), refused('hotel')), one);
  });

  it('waits for the others after a refusal, makes no further attempt, then undoes what may have had an effect', () => {
    const refusedOne = after(booking, refused('flight'));
    assert.deepEqual([refusedOne.direction, refusedOne.reason?.code], ['do', 'no']);
    const due = transition(TRIP, refusedOne, { kind: 'due', branch: 'seat' }, CALM);
    assert.equal(due.closed, 'unknown');
    const turned = after(due.state, succeeded('hotel'));
    assert.deepEqual([turned.direction, open(turned)], ['undo', ['hotel']]);
    assert.deepEqual([after(turned, succeeded('hotel')).step], [0]);
  });

  it('undoes a branch that was refused after an attempt of unknown outcome', () => {
    const turned = after(booking, failed('flight'), refused('flight'), succeeded('hotel'), succeeded('seat'));
    assert.deepEqual(open(turned), ['hotel', 'flight']);
  });

  it('gives up a failing branch once another one has turned the saga around', () => {
    const turned = after(booking, failed('hotel', false), failed('flight'), succeeded('seat'));
    assert.deepEqual([turned.direction, open(turned)], ['undo', ['hotel', 'flight']]);
  });

  it('is tried until its deadline before the pivot, as a step of its own is, and never stuck', () => {
    let state = booking;
    for (let n = 0; n < 2 * CALM.stuckAfterAttempts; n += 1) {
      const { waitMs = 0, ...next } = transition(TRIP, state, failed('hotel'), CALM);
      assert.ok(waitMs <= 5_000, `it waits for ${waitMs} ms`);
      state = next.state;
      assert.equal(state.status, 'running');
    }
    const late = transition(TRIP, state, failed('hotel'), { ...CALM, deadlineInMs: -1 });
    assert.deepEqual([late.closed, late.state.reason?.kind], ['unknown', 'deadline']);
  });

  it('is stuck as long as a worn branch is open', () => {
    const plan: SagaPlan = { ...TRIP, pivot: 0 };
    let state = booking;
    for (let n = 0; n < 6; n += 1) state = transition(plan, state, failed('hotel'), CALM).state;
    assert.equal(state.status, 'stuck');
    state = transition(plan, state, succeeded('flight'), CALM).state;
    assert.equal(state.status, 'stuck');
    assert.equal(transition(plan, state, succeeded('hotel'), CALM).state.status, 'running');
  });
});

/** Plans of steps and groups, and what happens to them. */
const plans: fc.Arbitrary<SagaPlan> = fc
  .array(fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
  .chain((shape) =>
    fc.integer({ min: 0, max: shape.length }).map((wanted) => {
      const found = shape.findIndex((members, index) => index >= wanted && members.length === 1);
      const pivot = found < 0 ? shape.length : found;
      const steps = shape.map((members, index) => {
        const planned = members.map((can, n) => member(`s${index}-${n}`, can && index < pivot));
        return planned.length === 1
          ? member(`s${index}`, planned[0]?.undoable ?? false)
          : group(`s${index}`, planned);
      });
      return { steps, pivot };
    }),
  );

interface Happening {
  readonly which: number;
  readonly what: 'succeeded' | 'rejected' | 'failed' | 'terminal' | 'due' | 'unrecorded';
  readonly late: boolean;
  readonly cancels: boolean;
}

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.record({
    which: fc.nat(3),
    what: fc.constantFrom('succeeded', 'rejected', 'failed', 'terminal', 'due', 'unrecorded'),
    late: fc.boolean(),
    cancels: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
  { maxLength: 40 },
);

interface Trace {
  readonly plan: SagaPlan;
  readonly end: SagaState;
  /** In order: `do x` and `undo x` as they are opened, and which outcomes closed them. */
  readonly opened: readonly string[];
  readonly closed: ReadonlyMap<string, string>;
  readonly attempts: ReadonlyMap<string, number>;
  readonly undidAfterPivot: boolean;
}

function names(plan: SagaPlan, state: SagaState): readonly string[] {
  if (isEnded(state.status)) return [];
  const step = plan.steps[state.step]?.name ?? '';
  return state.branches ? open(state) : [step];
}

function eventOf({ what, which }: Happening, state: SagaState): SagaEvent {
  const branches = open(state);
  const branch = state.branches ? { branch: branches[which % branches.length] ?? '' } : {};
  switch (what) {
    case 'rejected':
      return { kind: what, ...branch, rejection: { code: 'no' } };
    case 'failed':
    case 'unrecorded':
      return { kind: what, ...branch, fault: FAULT };
    case 'terminal':
      return { kind: 'failed', ...branch, fault: { ...FAULT, retryable: false } };
    default:
      return { kind: what, ...branch };
  }
}

function cancelled(plan: SagaPlan, state: SagaState, { cancels }: Happening): SagaState {
  const pivotStarted = hasStartedPivot(plan, state);
  if (!cancels || answerCancel({ ...state, pivotStarted }) !== 'requested') return state;
  return { ...state, cancelReason: state.cancelReason ?? 'asked' };
}

function play(plan: SagaPlan, events: readonly Happening[]): Trace {
  const opened: string[] = [];
  const closed = new Map<string, string>();
  const attempts = new Map<string, number>();
  let state = firstState(plan);
  let undidAfterPivot = false;
  let pivotRefused = false;
  const note = (now: SagaState) => {
    for (const name of names(plan, now)) {
      const what = `${now.direction} ${name}`;
      if (!opened.includes(what)) opened.push(what);
    }
  };
  note(state);
  const calm: readonly Happening[] = Array.from({ length: 60 }, (_, which) => ({
    which,
    what: 'succeeded',
    late: false,
    cancels: false,
  }));
  for (const happening of [...events, ...calm]) {
    if (isEnded(state.status)) break;
    state = cancelled(plan, state, happening);
    const pivotStarted = hasStartedPivot(plan, state);
    const event = eventOf(happening, state);
    const next = transition(plan, state, event, happening.late ? { ...CALM, deadlineInMs: -1 } : CALM);
    const what = `${state.direction} ${event.branch ?? plan.steps[state.step]?.name ?? ''}`;
    if (event.kind !== 'due') attempts.set(what, (attempts.get(what) ?? 0) + 1);
    if (next.closed) closed.set(what, next.closed);
    pivotRefused ||= event.kind === 'rejected' && state.direction === 'do' && state.step === plan.pivot;
    undidAfterPivot ||= pivotStarted && next.state.direction === 'undo' && !pivotRefused;
    state = next.state;
    note(state);
  }
  return { plan, end: state, opened, closed, attempts, undidAfterPivot };
}

function law(holds: (trace: Trace) => void): void {
  fc.assert(
    fc.property(plans, happenings, (plan, events) => holds(play(plan, events))),
    { numRuns: 1_000 },
  );
}

/** The index of the step that a name belongs to. */
function stepOf(plan: SagaPlan, name: string): number {
  return plan.steps.findIndex((step) => step.name === name || step.members?.some((one) => one.name === name));
}

describe('every saga with groups', () => {
  it('ends when its calls succeed in the end', () => {
    law(({ end }) => assert.ok(isEnded(end.status), end.status));
  });

  it('undoes exactly the started steps that may have had an effect and can be undone', () => {
    law(({ plan, end, opened, closed, attempts }) => {
      if (end.status === 'completed') return;
      const undoable = plan.steps.flatMap((step) => step.members ?? [step]).filter((step) => step.undoable);
      const expected = undoable
        .map(({ name }) => name)
        .filter((name) => {
          const how = closed.get(`do ${name}`);
          if (how === undefined) return false;
          return how !== 'rejected' || (attempts.get(`do ${name}`) ?? 0) > 1;
        });
      const undone = opened.filter((what) => what.startsWith('undo ')).map((what) => what.slice(5));
      const missing = expected.filter((name) => !undone.includes(name));
      const invented = undone.filter((name) => closed.get(`do ${name}`) === undefined);
      assert.deepEqual([missing, invented], [[], []]);
    });
  });

  it('undoes in reverse: a step after every later one', () => {
    law(({ plan, opened }) => {
      const order = opened
        .filter((what) => what.startsWith('undo '))
        .map((what) => stepOf(plan, what.slice(5)));
      assert.deepEqual(
        order,
        [...order].sort((a, b) => b - a),
      );
    });
  });

  it('never undoes after its pivot was started, unless the pivot was refused', () => {
    law(({ undidAfterPivot }) => assert.equal(undidAfterPivot, false));
  });
});
