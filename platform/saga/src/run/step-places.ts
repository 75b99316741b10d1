import type { SagaDefinition } from '../define/definition.ts';
import { isCall, isGroup, type SingleStep } from '../define/step.ts';
import type { StepRooms } from '../store/leases.ts';

/** Calls of one step at once, over all sagas of this engine, for steps that say how many there may be. */
export interface StepPlaces {
  /** Takes a place; what it returns gives it back. `undefined`: all are taken. Always one where there is no limit. */
  enter(type: string, step: SingleStep<object>): (() => void) | undefined;
  /** The room left at each step that has a limit. */
  rooms(): StepRooms;
}

/** Of two versions of a saga the newest one says how many places a step has. */
export function createStepPlaces(definitions: readonly SagaDefinition[], onFree: () => void): StepPlaces {
  const limited = new Map<string, { readonly type: string; readonly step: string; left: number }>();
  for (const { type, steps } of [...definitions].sort((a, b) => a.version - b.version))
    for (const step of steps.flatMap((element) => (isGroup(element) ? element.members : [element])))
      if (isCall(step) && step.places !== undefined)
        limited.set(`${type} ${step.name}`, { type, step: step.name, left: step.places });
  return {
    enter: (type, step) => {
      const limit = limited.get(`${type} ${step.name}`);
      if (limit === undefined) return () => undefined;
      if (limit.left <= 0) return undefined;
      limit.left -= 1;
      return () => {
        limit.left += 1;
        if (limit.left === 1) onFree();
      };
    },
    rooms: () => {
      const all = [...limited.values()];
      return {
        types: all.map(({ type }) => type),
        steps: all.map(({ step }) => step),
        places: all.map(({ left }) => left),
      };
    },
  };
}
