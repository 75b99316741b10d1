/** One thing that may happen next. It changes the copy of the state that it is given. */
export type Step<State> = readonly [name: string, change: (next: State) => void];

/** A small model of concurrent processes: a state, and what may happen next in it. */
export interface Model<State extends object> {
  readonly start: State;
  readonly steps: (state: State) => readonly Step<State>[];
  /** What must never be. */
  readonly wrong: (state: State) => string | undefined;
  /** Where it must always still be possible to arrive. */
  readonly isDone: (state: State) => boolean;
}

export interface Exploration {
  readonly states: number;
  /** The first fault that was met, and the shortest way to it. */
  readonly fault?: { readonly what: string; readonly way: readonly string[] };
}

interface Visit {
  readonly text: string;
  readonly step: string;
  readonly from: number;
  readonly depth: number;
}

/**
 * Every interleaving of the steps, the short ones first: all of them, or those of at most so many steps. Of all of them it
 * is a fault, too, when nobody can arrive any more: something was lost or waits for ever.
 */
export function explore<State extends object>(
  model: Model<State>,
  maxSteps = Number.POSITIVE_INFINITY,
): Exploration {
  const visits: Visit[] = [{ text: JSON.stringify(model.start), step: '', from: -1, depth: 0 }];
  const numbers = new Map(visits.map(({ text }, number) => [text, number]));
  const before: number[][] = [[]];
  const done: number[] = [];

  function faultAt(number: number, what: string): Exploration {
    const way: string[] = [];
    for (let at = visits[number]; at !== undefined && at.depth > 0; at = visits[at.from])
      way.unshift(at.step);
    return { states: visits.length, fault: { what, way } };
  }

  for (let here = 0; here < visits.length; here += 1) {
    const { text = '', depth = 0 } = visits[here] ?? {};
    const state = JSON.parse(text) as State;
    const what = model.wrong(state);
    if (what !== undefined) return faultAt(here, what);
    if (model.isDone(state)) done.push(here);
    if (depth === maxSteps) continue;
    for (const [step, change] of model.steps(state)) {
      const next = JSON.parse(text) as State;
      change(next);
      const nextText = JSON.stringify(next);
      let there = numbers.get(nextText);
      if (there === undefined) {
        there = visits.push({ text: nextText, step, from: here, depth: depth + 1 }) - 1;
        numbers.set(nextText, there);
        before.push([]);
      }
      before[there]?.push(here);
    }
  }
  if (maxSteps !== Number.POSITIVE_INFINITY) return { states: visits.length };
  const good = reaching(done, before);
  const lost = visits.findIndex((_visit, number) => !good.has(number));
  return lost < 0 ? { states: visits.length } : faultAt(lost, 'from here it never ends well');
}

/** The same model, some steps on. */
export function startingAfter<State extends object>(
  model: Model<State>,
  names: readonly string[],
): Model<State> {
  const start = structuredClone(model.start);
  for (const name of names) {
    const [, change] = model.steps(start).find(([step]) => step === name) ?? [];
    if (change === undefined) throw new Error(`no step "${name}" is possible in ${JSON.stringify(start)}`);
    change(start);
  }
  return { ...model, start };
}

function reaching(done: readonly number[], before: readonly (readonly number[])[]): ReadonlySet<number> {
  const reached = new Set(done);
  const waiting = [...done];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    for (const there of before[here] ?? []) {
      if (reached.has(there)) continue;
      reached.add(there);
      waiting.push(there);
    }
  }
  return reached;
}
