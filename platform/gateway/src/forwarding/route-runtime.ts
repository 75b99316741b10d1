import type { Backend, BackendPool } from '../backends/backends.ts';
import type { RouteConfig } from '../config/model.ts';
import type { Exchange, Step } from '../exchange-next.ts';
import type { AnswerHead } from '../http/answer.ts';
import type { Refusal } from '../refusal.ts';
import type { CookieJar } from './cookie-jar.ts';

/** A route made ready to serve: everything that can be decided beforehand has been. */
export interface RouteRuntime {
  readonly config: RouteConfig;
  /** In the order in which they run. */
  readonly steps: readonly Step[];
  readonly side: Side;
  readonly breaker: Breaker | undefined;
  readonly retryBudget: RetryBudget;
  /** What the client sees of a back end's answer. */
  readonly shapeAnswer: (exchange: Exchange, head: AnswerHead, backend: Backend | undefined) => AnswerHead;
  readonly jar: CookieJar | undefined;
}

/** One implementation of a route: most have one, a strangler has two. */
export interface Side {
  readonly pool: BackendPool;
  /** Path and query for the back end. */
  readonly urlFor: (exchange: Exchange) => string;
  /** How long a service without a reachable instance is waited for: a restart costs time, not errors. */
  readonly patienceMs: number;
}

/** Of a route; R§15. */
export interface Breaker {
  /** The refusal while it is open. Every admission is followed by one report. */
  admit(): Refusal | undefined;
  report(outcome: 'success' | 'failure' | 'abandoned'): void;
}

export interface RetryBudget {
  /** A request came in: a part of a retry is earned. */
  earn(): void;
  /** May one more try be made? */
  spend(): boolean;
}
