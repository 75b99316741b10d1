import type { Exchange, Step } from '../exchange.ts';
import type { Refusal } from '../wire/rules/refusal.ts';

/** Runs the steps in order until one refuses. Only what must wait makes a promise of it. */
export function runSteps(
  steps: readonly Step[],
  exchange: Exchange,
  from: number = 0,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (let index = from; index < steps.length; index += 1) {
    const outcome = steps[index]?.(exchange);
    if (outcome === undefined) continue;
    if (!(outcome instanceof Promise)) return outcome;
    return outcome.then((refusal) => refusal ?? runSteps(steps, exchange, index + 1));
  }
  return undefined;
}
