import { type Endpoint, keepIfSame } from '../endpoint.ts';

/** What is believed about one service. */
export interface Knowledge {
  /** The same array as long as it says the same. */
  readonly endpoints: readonly Endpoint[];
  /** Of the last answer. */
  readonly index: bigint;
  /**
   * May a service without instances soon have some? Until the first answer nobody knows better; then as long as there are
   * some, and for a minute after they went.
   */
  readonly isHopeful: boolean;
  /** `false` when the answer was not believed as it came: it is asked for again soon. */
  learn(
    answer: { readonly endpoints: readonly Endpoint[]; readonly index: bigint },
    how: { readonly isAfterOutage: boolean },
  ): boolean;
}

const RETURN_MS = 60_000;
/** After an outage a registry without memory fills again with the next heartbeats: until then little means nothing. */
const REFILL_MS = 15_000;

export function createKnowledge(nowMs: () => number): Knowledge {
  let endpoints: readonly Endpoint[] = [];
  let isHeard = false;
  let wentAtMs = Number.NEGATIVE_INFINITY;
  let index = 0n;
  let refillingUntilMs = Number.NEGATIVE_INFINITY;
  let hasForgotten = false;

  /** An outage is not believed to have ended every instance, and a registry without memory not to know them all. */
  function refilled(next: readonly Endpoint[]): readonly Endpoint[] {
    if (nowMs() >= refillingUntilMs || (next.length > 0 && !hasForgotten)) return next;
    const ids = new Set(next.map(({ id }) => id));
    return [...next, ...endpoints.filter(({ id }) => !ids.has(id))];
  }

  return {
    get endpoints() {
      return endpoints;
    },
    get index() {
      return index;
    },
    get isHopeful() {
      return !isHeard || endpoints.length > 0 || nowMs() - wentAtMs < RETURN_MS;
    },
    learn: (answer, { isAfterOutage }) => {
      // An index that goes backwards belongs to a registry that has lost its memory, or to another one.
      const isBackwards = answer.index < index;
      if (isAfterOutage || isBackwards) {
        refillingUntilMs = nowMs() + REFILL_MS;
        hasForgotten = isBackwards;
      }
      const next = refilled(answer.endpoints);
      if (next.length === 0 && endpoints.length > 0) wentAtMs = nowMs();
      endpoints = keepIfSame(endpoints, next);
      isHeard = true;
      index = answer.index;
      return !isBackwards && next.length === answer.endpoints.length;
    },
  };
}
