import type { Policy, Principal } from '@flotilla/auth';
import type { ProblemReply, StreamReply } from '../contract/reply.ts';
import type { Route, RouteAnswer, RouteInput } from '../contract/route.ts';

/** One validated, authorised request. */
export interface RouteRequest<R extends Route> extends RouteInput<R> {
  /** Who calls, when the route is guarded by a policy. */
  readonly principal: R['access'] extends Policy ? Principal : undefined;
  /**
   * Aborts when the deadline passes or the client disconnects. Pass it to every outgoing call. That of a stream has no deadline, and aborts
   * when the host is told to drain: it should end then, and its reader come back to another one.
   */
  readonly signal: AbortSignal;
  /** `X-Real-IP` of the gateway, or the peer. */
  readonly clientAddress: string;
}

/** One of the route's declared responses, a stream where it produces one, or a problem. */
export type RouteReply<R extends Route> = RouteAnswer<R> | ProblemReply | StreamReply;

/** A request and a reply whose types the host cannot know; it has validated them by the route's schemas. */
export interface AnyRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
  readonly principal: Principal | undefined;
  readonly signal: AbortSignal;
  readonly clientAddress: string;
}

export type AnyReply =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ProblemReply
  | StreamReply;

/** A route with the function that serves it. */
export interface RouteHandler {
  readonly route: Route;
  readonly run: (request: AnyRequest) => Promise<AnyReply>;
}

/** Ties a function to a route. The function sees the route's types; the host keeps what they promise. */
export function handle<R extends Route>(
  route: R,
  run: (request: RouteRequest<R>) => Promise<RouteReply<R>>,
): RouteHandler {
  // The host validates by the schemas these types are derived from, and authenticates by `route.access`.
  return { route, run: run as RouteHandler['run'] };
}
