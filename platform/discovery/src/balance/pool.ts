import type { Endpoint } from '../endpoint.ts';
import type { Choice } from './choose.ts';
import { createRing, type Ring } from './consistent-hash.ts';
import { createLoad, type TrackedLoad } from './load.ts';

/** An endpoint that was picked, with the calls that run there. */
export interface PickedEndpoint extends Endpoint {
  /** To be told of each call that goes there. Absent where nobody balances. */
  readonly load?: TrackedLoad;
}

export interface Candidate extends Choice {
  readonly id: string;
  readonly endpoint: Endpoint & { readonly load: TrackedLoad };
  readonly load: TrackedLoad;
  warmth: number;
  /** When it is as good as the others; 0 for those that were there from the beginning. */
  readonly warmAtMs: number;
}

/** The candidates of one service, kept in step with what discovery says. */
export interface Pool {
  readonly candidates: readonly Candidate[];
  ring(): Ring<Candidate>;
  /** The endpoints of now: the same array is no change. */
  update(endpoints: readonly Endpoint[]): void;
  /** Before a choice, as long as some are new. */
  warm(): void;
}

export interface PoolDeps {
  readonly nowMs: () => number;
  /** How long a new instance gets less than its share. 0 = not at all. */
  readonly slowStartMs: number;
  /** What of the endpoints is used. */
  readonly select: (endpoints: readonly Endpoint[]) => readonly Endpoint[];
}

const COLDEST = 0.1;

export function createPool({ nowMs, slowStartMs, select }: PoolDeps): Pool {
  let known: readonly Endpoint[] | undefined;
  let candidates: readonly Candidate[] = [];
  let ring: Ring<Candidate> | undefined;
  let warming: readonly Candidate[] = [];

  /** The same instance at the same place keeps what is known of it, and the calls that run there. */
  function candidateOf(
    endpoint: Endpoint,
    former: ReadonlyMap<string, Candidate>,
    isFirst: boolean,
  ): Candidate {
    const before = former.get(endpoint.id);
    const isSamePlace = before?.endpoint.host === endpoint.host && before.endpoint.port === endpoint.port;
    const load = isSamePlace ? before.load : createLoad(nowMs);
    const isNew = !isSamePlace && !isFirst && slowStartMs > 0;
    return {
      id: endpoint.id,
      endpoint: { ...endpoint, load },
      load,
      weight: endpoint.weight ?? 1,
      share: isSamePlace ? before.share : 0,
      warmth: isNew ? COLDEST : isSamePlace ? before.warmth : 1,
      warmAtMs: isNew ? nowMs() + slowStartMs : isSamePlace ? before.warmAtMs : 0,
    };
  }

  return {
    get candidates() {
      return candidates;
    },
    ring: () => {
      ring ??= createRing(candidates);
      return ring;
    },
    update: (endpoints) => {
      if (endpoints === known) return;
      const former = new Map(candidates.map((candidate) => [candidate.id, candidate]));
      // After none at all nobody is warmer than the others.
      const isFirst = candidates.length === 0;
      known = endpoints;
      ring = undefined;
      candidates = select(endpoints).map((endpoint) => candidateOf(endpoint, former, isFirst));
      warming = candidates.filter(({ warmth }) => warmth < 1);
    },
    warm: () => {
      if (warming.length === 0) return;
      const now = nowMs();
      for (const candidate of warming) {
        const left = Math.max(0, candidate.warmAtMs - now) / slowStartMs;
        candidate.warmth = Math.max(COLDEST, 1 - left);
      }
      warming = warming.filter(({ warmth }) => warmth < 1);
    },
  };
}
