import type { Result } from '@flotilla/kernel';
import type { DomainEvent } from './event.ts';

/** The rules of one kind of thing. Pure: time, ids and randomness come with the command. */
export interface Decider<State, Command, E extends DomainEvent, Rejection> {
  /** Before the first event. */
  readonly initial: State;
  /** What a command brings about where the thing stands now, or why it is refused. No events: nothing to do. */
  decide(command: Command, state: State): Result<readonly E[], Rejection>;
  /** The state after an event. Never refuses: what happened has happened. */
  evolve(state: State, event: E): State;
}

/** The state after these events. */
export function fold<State, E extends DomainEvent>(
  decider: Pick<Decider<State, never, E, unknown>, 'evolve'>,
  state: State,
  events: readonly E[],
): State {
  return events.reduce((before, event) => decider.evolve(before, event), state);
}
