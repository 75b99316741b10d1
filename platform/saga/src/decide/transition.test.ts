import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { firstState } from './course.ts';
import {
  answerCancel,
  type Conditions,
  hasStartedPivot,
  isEnded,
  type SagaEvent,
  type SagaPlan,
  type SagaState,
  type Transition,
} from './state.ts';
import { transition } from './transition.ts';

const CALM: Conditions = { deadlineInMs: 60_000, stuckAfterAttempts: 5, stuckRetryMs: 60_000, random: 0.5 };
const LATE: Conditions = { ...CALM, deadlineInMs: -1 };
const FAULT = { code: 'DOWN', message: 'no answer', retryable: true };
const failed: SagaEvent = { kind: 'failed', fault: FAULT };
const terminal: SagaEvent = { kind: 'failed', fault: { ...FAULT, retryable: false } };
const unrecorded: SagaEvent = { kind: 'unrecorded', fault: FAULT };
const succeeded: SagaEvent = { kind: 'succeeded' };
const rejected: SagaEvent = { kind: 'rejected', rejection: { code: 'no' } };
const due: SagaEvent = { kind: 'due' };

function plan(undoable: readonly boolean[], pivot: number = undoable.length): SagaPlan {
  return {
    pivot,
    steps: undoable.map((can, index) => ({
      name: `s${index}`,
      undoable: can,
      initialMs: 100,
      maxMs: 5_000,
    })),
  };
}

/** reserve, charge, commit (not undoable), ship (pivot), tell */
const ORDER = plan([true, true, false, false, false], 3);

function at(step: number, more: Partial<SagaState> = {}): SagaState {
  return { status: 'running', step, direction: 'do', attempt: 1, ...more };
}

describe('a saga going forward', () => {
  it('opens the next step after each success and completes with the last', () => {
    assert.deepEqual(transition(ORDER, at(0), succeeded, CALM), { state: at(1), closed: 'done' });
    assert.deepEqual(transition(ORDER, at(4), succeeded, CALM), {
      state: at(4, { status: 'completed' }),
      closed: 'done',
    });
  });

  it('undoes the steps before a refused one, the latest first, and skips those without undo', () => {
    const { state, closed } = transition(ORDER, at(3), rejected, CALM);
    assert.equal(closed, 'rejected');
    assert.deepEqual(
      [state.status, state.direction, state.step, state.reason?.code],
      ['compensating', 'undo', 1, 'no'],
    );
  });

  it('also undoes a step that was refused after an attempt of unknown outcome', () => {
    assert.equal(transition(ORDER, at(1, { attempt: 2 }), rejected, CALM).state.step, 1);
    assert.equal(transition(ORDER, at(1, { attempt: 1 }), rejected, CALM).state.step, 0);
  });

  it('ends at once when the first step is refused: nothing is to be undone', () => {
    assert.equal(transition(ORDER, at(0), rejected, CALM).state.status, 'compensated');
  });

  it('tries a step of unknown outcome again, later and later, and never past the deadline', () => {
    const waits = [1, 2, 3, 10].map((attempt) => transition(ORDER, at(1, { attempt }), failed, CALM).waitMs);
    assert.deepEqual(waits, [50, 100, 200, 2_500]);
    assert.equal(transition(ORDER, at(1), failed, { ...CALM, deadlineInMs: 7 }).waitMs, 7);
  });

  it('turns around at the deadline, undoing the step whose outcome is unknown as well', () => {
    for (const event of [failed, due]) {
      const { state, closed } = transition(ORDER, at(1, { attempt: 2 }), event, LATE);
      assert.deepEqual(
        [state.direction, state.step, state.reason?.kind, closed],
        ['undo', 1, 'deadline', 'unknown'],
      );
    }
    assert.equal(transition(ORDER, at(0), succeeded, LATE).state.direction, 'undo');
  });

  it('does not undo a saga whose last step succeeded too late', () => {
    assert.equal(transition(plan([true, true]), at(1), succeeded, LATE).state.status, 'completed');
  });

  it('turns around at once for a fault that no retry can cure', () => {
    const { state } = transition(ORDER, at(1), terminal, CALM);
    assert.deepEqual(
      [state.direction, state.step, state.reason],
      ['undo', 1, { kind: 'fault', code: 'DOWN', step: 's1' }],
    );
  });

  it('turns around for a cancellation as soon as the call in flight has ended', () => {
    for (const event of [succeeded, failed, due]) {
      const { state } = transition(ORDER, at(1, { cancelReason: 'changed-mind' }), event, CALM);
      assert.deepEqual(
        [state.direction, state.step, state.reason],
        ['undo', 1, { kind: 'cancelled', code: 'changed-mind' }],
      );
    }
  });

  it('cancels also during the last step of a saga without a pivot', () => {
    const state = at(1, { cancelReason: 'changed-mind' });
    assert.equal(transition(plan([true, true]), state, succeeded, CALM).state.direction, 'undo');
  });
});

describe('a saga at its pivot and after', () => {
  it('is neither cancelled nor stopped by its deadline', () => {
    for (const step of [3, 4]) {
      for (const event of [due, failed, terminal, succeeded]) {
        const { state } = transition(ORDER, at(step, { cancelReason: 'changed-mind' }), event, LATE);
        assert.equal(state.direction, 'do');
      }
    }
  });

  it('compensates when the pivot itself is refused', () => {
    assert.equal(transition(ORDER, at(3), rejected, LATE).state.direction, 'undo');
  });

  it('is stuck, and tried again, when a later step is refused', () => {
    const { state, closed, waitMs } = transition(ORDER, at(4), rejected, CALM);
    assert.deepEqual([state.status, state.step, closed, waitMs], ['stuck', 4, undefined, 45_000]);
  });

  it('becomes stuck after the last quick attempt and running again with the first success', () => {
    assert.equal(transition(ORDER, at(3, { attempt: 4 }), failed, CALM).state.status, 'running');
    const { state } = transition(ORDER, at(3, { attempt: 5 }), failed, CALM);
    assert.equal(state.status, 'stuck');
    assert.equal(transition(ORDER, state, failed, CALM).state.status, 'stuck');
    assert.equal(transition(ORDER, state, succeeded, CALM).state.status, 'running');
  });
});

describe('a saga going backward', () => {
  const back = (step: number, more: Partial<SagaState> = {}) =>
    at(step, {
      status: 'compensating',
      direction: 'undo',
      reason: { kind: 'cancelled', code: 'x' },
      ...more,
    });

  it('undoes one step after the other and ends as what turned it around', () => {
    assert.equal(transition(ORDER, back(1), succeeded, CALM).state.step, 0);
    assert.equal(transition(ORDER, back(0), succeeded, CALM).state.status, 'cancelled');
    const refused = back(0, {
      reason: { kind: 'rejected', code: 'no', step: 's1', rejection: { code: 'no' } },
    });
    assert.equal(transition(ORDER, refused, succeeded, CALM).state.status, 'compensated');
  });

  it('tries an undo until it succeeds, whatever the deadline says, up to 30 s apart', () => {
    const { state, waitMs } = transition(ORDER, back(1, { attempt: 4 }), failed, LATE);
    assert.deepEqual([state.status, state.direction, state.step, waitMs], ['compensating', 'undo', 1, 400]);
    const late = { ...LATE, stuckAfterAttempts: 100, random: 0.999 };
    const slow = transition(ORDER, back(1, { attempt: 50 }), failed, late).waitMs ?? 0;
    assert.ok(slow > 29_000 && slow <= 30_000, `${slow} ms`);
  });

  it('is shown as stuck when an undo fails for too long, and goes on when it succeeds', () => {
    const { state } = transition(ORDER, back(1, { attempt: 5 }), failed, CALM);
    assert.equal(state.status, 'stuck');
    assert.equal(transition(ORDER, state, succeeded, CALM).state.status, 'compensating');
  });
});

describe('a saga whose outcome could not be recorded', () => {
  it('tries the same call again, wherever it stands', () => {
    const { state, closed } = transition(ORDER, at(1), unrecorded, CALM);
    assert.deepEqual([state, closed], [at(1, { attempt: 2 }), undefined]);
  });
});

describe('a wish to cancel', () => {
  it('is granted until the pivot was started', () => {
    assert.equal(answerCancel({ status: 'running', pivotStarted: false }), 'requested');
    assert.equal(answerCancel({ status: 'running', pivotStarted: true }), 'too-late');
    assert.equal(answerCancel({ status: 'stuck', pivotStarted: true }), 'too-late');
    assert.equal(answerCancel({ status: 'compensating', pivotStarted: false }), 'requested');
    for (const status of ['completed', 'compensated', 'cancelled'] as const)
      assert.equal(answerCancel({ status, pivotStarted: true }), 'ended');
  });
});

/** One thing that happens to a saga, in terms of which the laws are stated. */
interface Happening {
  readonly event: SagaEvent;
  readonly late: boolean;
  readonly cancels: boolean;
}

interface Played {
  readonly plan: SagaPlan;
  readonly steps: readonly {
    readonly before: SagaState;
    readonly event: SagaEvent;
    readonly after: Transition;
  }[];
  readonly end: SagaState;
}

const plans: fc.Arbitrary<SagaPlan> = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 6 })
  .chain((undoable) =>
    fc.integer({ min: 0, max: undoable.length }).map((pivot) =>
      plan(
        undoable.map((can, index) => can && index < pivot),
        pivot,
      ),
    ),
  );

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.record({
    event: fc.constantFrom(due, succeeded, succeeded, rejected, failed, terminal, unrecorded),
    late: fc.boolean(),
    cancels: fc.boolean(),
  }),
  { maxLength: 40 },
);

/** Plays what happens, then nothing but success until the end. */
function play(chosen: SagaPlan, events: readonly Happening[]): Played {
  const steps: Played['steps'][number][] = [];
  let state = firstState(chosen);
  const calm = Array.from({ length: 20 }, () => ({ event: succeeded, late: false, cancels: false }));
  for (const { event, late, cancels } of [...events, ...calm]) {
    const pivotStarted = hasStartedPivot(chosen, state);
    if (
      cancels &&
      state.cancelReason === undefined &&
      answerCancel({ ...state, pivotStarted }) === 'requested'
    )
      state = { ...state, cancelReason: 'asked' };
    const after = transition(chosen, state, event, late ? LATE : CALM);
    steps.push({ before: state, event, after });
    state = after.state;
  }
  return { plan: chosen, steps, end: state };
}

function law(holds: (played: Played) => void): void {
  fc.assert(
    fc.property(plans, happenings, (chosen, events) => holds(play(chosen, events))),
    { numRuns: 500 },
  );
}

describe('every saga', () => {
  it('ends when its calls succeed in the end', () => {
    law(({ end }) => assert.ok(isEnded(end.status), end.status));
  });

  it('never changes after its end', () => {
    law(({ steps }) => {
      for (const { before, after } of steps) if (isEnded(before.status)) assert.equal(after.state, before);
    });
  });

  it('undoes exactly the started steps that have an undo, each once, in reverse order', () => {
    law(({ plan: chosen, steps, end }) => {
      const undone = steps.filter(
        ({ before, after }) => before.direction === 'undo' && after.closed === 'done',
      );
      const order = undone.map(({ before }) => before.step);
      assert.deepEqual(
        order,
        [...new Set(order)].sort((a, b) => b - a),
      );
      if (end.status === 'completed') return assert.deepEqual(order, []);
      const started = steps
        .filter(({ before, after }) => before.direction === 'do' && after.closed !== undefined)
        .filter(({ before, after }) => after.closed !== 'rejected' || before.attempt > 1)
        .map(({ before }) => before.step)
        .filter((step) => chosen.steps[step]?.undoable);
      assert.deepEqual([...order].reverse(), started);
    });
  });

  it('is not compensated once its pivot has succeeded', () => {
    law(({ plan: chosen, steps, end }) => {
      const passed = steps.some(
        ({ before, after }) =>
          before.direction === 'do' && before.step === chosen.pivot && after.closed === 'done',
      );
      if (passed) assert.equal(end.status, 'completed');
    });
  });

  it('leaves the pivot backward only because the pivot was refused', () => {
    law(({ plan: chosen, steps }) => {
      for (const { before, event, after } of steps) {
        const turned = before.reason === undefined && after.state.reason !== undefined;
        if (turned && hasStartedPivot(chosen, before)) assert.equal(event.kind, 'rejected');
      }
    });
  });

  it('does not complete after a cancellation was granted', () => {
    law(({ end }) => {
      if (end.cancelReason !== undefined) assert.notEqual(end.status, 'completed');
    });
  });

  it('keeps its reason and never goes forward again', () => {
    law(({ steps }) => {
      for (const { before, after } of steps) {
        if (before.reason) assert.equal(after.state.reason, before.reason);
        if (before.direction === 'undo') assert.equal(after.state.direction, 'undo');
      }
    });
  });

  it('waits only with its step open, and counts the attempt', () => {
    law(({ steps }) => {
      for (const { before, after } of steps) {
        if (after.waitMs === undefined) continue;
        assert.ok(after.waitMs >= 0);
        assert.equal(after.closed, undefined);
        assert.equal(after.state.attempt, before.attempt + 1);
      }
    });
  });
});
