import type { TraceContext } from '@flotilla/telemetry';
import type { Answer } from './http/answer.ts';
import type { Fields } from './http/fields.ts';
import type { RequestBody, RequestHead } from './http/request.ts';
import type { Refusal } from './refusal.ts';

/** One request and its answer, and what is found out about them on the way. */
export interface Exchange {
  readonly request: RequestHead;
  readonly body: RequestBody;
  readonly answer: Answer;
  /** Address of the TCP peer, never in the `::ffff:` form. */
  readonly peerAddress: string;
  /** Did it arrive over TLS? */
  readonly secure: boolean;
  readonly trace: TraceContext;
  readonly startedAtMs: number;
  /** The peer, or with trusted proxies the client they speak of. Rate limits and IP lists use it. */
  clientAddress: string;
  /** Values of the template's placeholders, raw text of the request. */
  values: Map<string, string>;
  /** Of the verified token; names are case-sensitive. `undefined` on an open route. */
  claims: Claims | undefined;
  requestId: string | undefined;
  /** What goes to the back end: starts as the client's own fields and query, is edited by the steps. */
  readonly outgoing: Outgoing;
  /** The gateway's own fields on the answer: rate limit, request id. */
  readonly answerFields: Fields;
  /** Set when the exchange must end without the back end: client gone, or too late. */
  ended: 'client-gone' | 'timeout' | undefined;
}

/** Each member of a token's payload as texts: one for a string, number or boolean, one per item of an array. */
export type Claims = Map<string, readonly string[]>;

export interface Outgoing {
  method: string;
  /** Forwardable fields of the client, then what the steps made of them. */
  readonly fields: Fields;
  /** Parameters that a step set, values percent-encoded: they replace those of the same name. */
  readonly query: Map<string, string>;
}

/**
 * One policy of a route. `undefined` = go on. Steps are synchronous where they can be: a promise costs every
 * request of the route a microtask.
 */
export type Step = (exchange: Exchange) => Refusal | undefined | Promise<Refusal | undefined>;
