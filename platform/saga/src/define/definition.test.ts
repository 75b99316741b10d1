import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineSaga } from './definition.ts';
import type { SagaStep } from './step.ts';

interface Data {
  readonly n: number;
}

const ok = async () => ({ ok: true, result: undefined }) as const;
const undo = async () => undefined;

function define(
  steps: readonly SagaStep<Data>[],
  more: { version?: number; deadlineMs?: number; type?: string } = {},
) {
  return () =>
    defineSaga<Data>({ type: 'order', version: 1, deadlineMs: 1_000, ...more, steps: () => steps });
}

describe('a saga definition', () => {
  it('gives onDone the result that do returned', () => {
    const definition = defineSaga<Data>({
      type: 'order',
      version: 1,
      deadlineMs: 1_000,
      steps: (step) => [
        step({
          name: 'count',
          do: async () => ({ ok: true, result: { counted: 3 } }),
          onDone: (_tx, data, { counted }) => {
            const three: number = counted;
            return { n: data.n + three };
          },
        }),
      ],
    });
    assert.deepEqual(definition.plan, {
      pivot: 1,
      steps: [{ name: 'count', undoable: false, initialMs: 100, maxMs: 5_000 }],
    });
  });

  it('refuses a contradiction, naming the saga and the step', () => {
    assert.throws(define([]), /saga order has no steps/);
    assert.throws(
      define([
        { name: 'a', do: ok },
        { name: 'a', do: ok },
      ]),
      /two steps are named a/,
    );
    assert.throws(define([{ name: 'Not A Name', do: ok }]), /not a step name: Not A Name/);
    assert.throws(define([{ name: 'a', do: ok }], { type: '' }), /not a saga type/);
    assert.throws(
      define([{ name: 'a', do: ok }], { version: 0 }),
      /version must be a positive integer, got 0/,
    );
    assert.throws(define([{ name: 'a', do: ok }], { deadlineMs: 0 }), /deadlineMs must be positive, got 0/);
    assert.throws(
      define([{ name: 'a', do: ok, timeoutMs: 0 }]),
      /saga order, step a: timeoutMs must be positive/,
    );
    assert.throws(define([{ name: 'a', do: ok, retriable: true }]), /retriable is for steps after the pivot/);
    const pivot: SagaStep<Data> = { name: 'p', do: ok, pivot: true };
    assert.throws(define([pivot, { name: 'a', do: ok }]), /follows the pivot, so it must be retriable/);
    assert.throws(
      define([pivot, { name: 'a', do: ok, retriable: true, undo }]),
      /undo would never be called/,
    );
    assert.throws(define([pivot, { name: 'q', do: ok, pivot: true }]), /there is a pivot already/);
  });
});
