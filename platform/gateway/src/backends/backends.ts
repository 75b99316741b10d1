import type { Exchange } from '../exchange.ts';
import type { Origin } from '../wire/backend/backend-call.ts';

/** One instance of a back end. */
export interface Backend {
  /** `host:port`, or the registry's id. */
  readonly id: string;
  readonly origin: Origin;
  /** The value of `Host` for it. */
  readonly authority: string;
}

/** Instances that a request has tried. */
export interface Tried {
  /** Took no connection: not asked again. */
  readonly refused: ReadonlySet<string>;
  /** Took the request and gave nothing: asked again only if nothing else is left. */
  readonly avoid: ReadonlySet<string>;
}

/** Chooses among the instances of one route and learns from what they do. */
export interface BackendPool {
  /** When there is none: may there be one soon? */
  readonly isHopeful: boolean;
  /** `undefined` = there is none (that is usable). Synchronous once the instances are known. */
  pick(exchange: Exchange, tried: Tried): Backend | undefined | Promise<Backend | undefined>;
  /** Every pick that was used is followed by one `began` and one `ended`. */
  began(backend: Backend): void;
  ended(backend: Backend, outcome: CallOutcome, durationMs: number): void;
}

/** `failed` = status 500 … 508, no response, a broken one, too late. `abandoned` = the client went away: says nothing. */
export type CallOutcome = 'answered' | 'failed' | 'not-connected' | 'abandoned';
