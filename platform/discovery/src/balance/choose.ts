import type { Load } from './load.ts';

/** An instance as balancers see it. */
export interface Choice {
  readonly load: Load;
  readonly weight: number;
  /** 1, or less while it is new: so much of its share does it get. */
  readonly warmth: number;
  /** Of smooth weighted round robin. */
  share: number;
}

export type Some<T> = readonly [T, ...T[]];

/** Takes one of at least one. What it remembers between calls is its turn, nothing else. */
export type Choose = <T extends Choice>(choices: Some<T>) => T;

/**
 * Two at random, of which the one that should answer sooner: by what its recent calls took and how many are running there.
 * Nobody runs after the one instance that looks best, and a slow one gets the calls that it can carry.
 */
export function powerOfTwoChoices(random: () => number): Choose {
  return (choices) => {
    const count = choices.length;
    const [only] = choices;
    if (count === 1) return only;
    // One of all ordered pairs, by one random number.
    const pair = Math.floor(random() * count * (count - 1));
    const first = Math.floor(pair / (count - 1));
    const behind = first + 1 + (pair - first * (count - 1));
    const second = behind < count ? behind : behind - count;
    const one = choices[first] ?? only;
    const other = choices[second] ?? only;
    if (one.warmth < 1 && random() >= one.warmth) return other;
    if (other.warmth < 1 && random() >= other.warmth) return one;
    // Of one that has not answered yet nothing is known: it is taken to be as quick as the other.
    const oneMs = one.load.latencyMs || other.load.latencyMs || 1;
    const otherMs = other.load.latencyMs || oneMs;
    const oneCost = ((one.load.inFlight + 1) * oneMs) / one.weight;
    const otherCost = ((other.load.inFlight + 1) * otherMs) / other.weight;
    return otherCost < oneCost ? other : one;
  };
}

/** One after the other; a new one is passed over now and then. */
export function roundRobin(random: () => number): Choose {
  let turn = -1;
  return (choices) => {
    for (let step = 0; step < choices.length; step += 1) {
      turn = (turn + 1) % 0x3fffffff;
      const choice = choices[turn % choices.length] ?? choices[0];
      if (choice.warmth === 1 || random() < choice.warmth) return choice;
    }
    return choices[turn % choices.length] ?? choices[0];
  };
}

/** Ties are taken in turn, or else the first instance would get everything while nobody is busy. */
export function leastRequests(): Choose {
  let turn = -1;
  return (choices) => {
    turn = (turn + 1) % 0x3fffffff;
    let best = choices[turn % choices.length] ?? choices[0];
    let bestCost = requestCost(best);
    for (let step = 1; step < choices.length; step += 1) {
      const other = choices[(turn + step) % choices.length];
      const cost = other === undefined ? Number.POSITIVE_INFINITY : requestCost(other);
      if (other === undefined || cost >= bestCost) continue;
      best = other;
      bestCost = cost;
    }
    return best;
  };
}

function requestCost({ load, weight, warmth }: Choice): number {
  return (load.inFlight + 1) / (weight * warmth);
}

/**
 * Smooth weighted round robin: everyone earns its weight, the richest is taken and pays the sum. Weights 5, 1, 1
 * give a a b a c a a, not a a a a a b c.
 */
export function smoothWeighted(): Choose {
  return (choices) => {
    let best = choices[0];
    let sum = 0;
    for (const choice of choices) {
      const earned = choice.weight * choice.warmth;
      choice.share += earned;
      sum += earned;
      if (choice.share > best.share) best = choice;
    }
    best.share -= sum;
    return best;
  };
}
