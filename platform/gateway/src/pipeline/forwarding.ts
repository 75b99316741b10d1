import type { TraceContext } from '@flotilla/telemetry';
import type { Backend, CallOutcome } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import type { Timers } from '../time/timers.ts';
import type { BackendClient, BackendFailure } from '../wire/backend/backend-call.ts';
import type { Refusal } from '../wire/rules/refusal.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import type { Side } from './route-runtime.ts';

export interface ForwardDeps {
  readonly backendClient: BackendClient;
  readonly timers: Timers;
  readonly nowMs: () => number;
  /** Does the time of a route begin with the end of the upload? Not in Ocelot. */
  readonly waitsForUploads: boolean;
  /** Statuses that differ in Ocelot. */
  readonly refusals: {
    readonly timeout: (route: RouteConfig) => Refusal;
    readonly noInstance: Refusal;
  };
  /** Something threw that must not: `done` is called with an internal error. */
  readonly onFault: (exchange: Exchange, error: unknown, done: Done) => void;
  readonly onCache: (exchange: Exchange, result: CacheResult) => void;
  /** A WebSocket is closed because nothing came from either side. */
  readonly onIdleWebSocket: (exchange: Exchange) => void;
  /** One try has ended. */
  readonly onTry: (exchange: Exchange, backend: Backend, outcome: TryOutcome) => void;
}

export type CacheResult = 'hit' | 'miss' | 'stale' | 'coalesced' | 'bypass';

export interface TryOutcome {
  readonly outcome: CallOutcome;
  readonly status: number | undefined;
  readonly failure: BackendFailure | undefined;
  readonly willRetry: boolean;
  readonly durationMs: number;
  readonly trace: TraceContext;
}

/** Sees the response of the back end pass; the head is its own to keep. */
export interface ResponseTap {
  head(head: ResponseHead, backend: Backend): void;
  data(chunk: Buffer): void;
  end(how: 'complete' | 'incomplete'): void;
}

/** Called once: without argument when the response has started or the client has gone, otherwise with the refusal to send. */
export type Done = (refusal: Refusal | undefined) => void;

/** Where a response goes besides the client, and what comes instead when there is none. */
export interface ResponseSink {
  readonly tap?: ResponseTap | undefined;
  /** Goes before `done`, which it calls in the end. */
  readonly fallback?: Fallback | undefined;
  readonly done: Done;
}

export interface Forwarding {
  readonly side: Side;
  readonly sink: ResponseSink;
  /** Of the route's time; less than all of it when the request has waited for another one's response. */
  readonly timeoutMs: number;
}

/** Another source of a response. */
export interface Fallback {
  /** Asked before a response with this status is passed on, or in place of a failure. */
  accepts(outcome: number | BackendFailure['progress']): boolean;
  /** Goes on in place of `done`. */
  take(): void;
}
