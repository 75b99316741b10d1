import type { Timers } from '../../time/timers.ts';
import type { BackendCall, BackendRequest, Origin, ResponseSink } from './backend-call.ts';

/** The connections to one origin. */
export interface OriginPool {
  send(request: BackendRequest, sink: ResponseSink): BackendCall;
  stats(): { readonly inFlight: number; readonly idle: number; readonly waiting: number };
  /** Ends all connections; exchanges fail. */
  close(): void;
}

export interface OriginPoolOptions {
  readonly origin: Origin;
  readonly timers: Timers;
  /** An unused connection is kept so long. */
  readonly idleMs: number;
  /** Exchanges that may wait for a connection; further ones fail. */
  readonly maxWaiting: number;
  /** For a while there has been neither a connection nor a waiting request. */
  onUnused(): void;
}
