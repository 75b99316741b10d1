import { deepEqual } from 'node:assert/strict';
import { type Decider, fold } from '../stream/decider.ts';
import type { DomainEvent } from '../stream/event.ts';

/** Given what happened, when this is wanted, then that follows. No I/O. */
export interface DecideSpec<Command, E, Rejection> {
  when(command: Command): {
    /** Fails with `AssertionError` unless exactly these events follow; none: nothing happens. */
    expect(...events: readonly E[]): void;
    /** Fails with `AssertionError` unless the command is refused so. */
    expectRefused(rejection: Rejection): void;
  };
}

/** Tests of a decider as sentences: `decideSpec(order).given(placed).when(confirm).expect(confirmed)`. */
export function decideSpec<State, Command, E extends DomainEvent, Rejection>(
  decider: Decider<State, Command, E, Rejection>,
): { given(...events: readonly E[]): DecideSpec<Command, E, Rejection> } {
  return {
    given: (...events) => ({
      when: (command) => {
        const decision = () => decider.decide(command, fold(decider, decider.initial, events));
        return {
          expect: (...expected) => deepEqual(decision(), { ok: true, value: expected }),
          expectRefused: (rejection) => deepEqual(decision(), { ok: false, rejection }),
        };
      },
    }),
  };
}
