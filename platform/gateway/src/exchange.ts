import { childOf, newTrace, parseTraceparent, type TraceContext } from '@flotilla/telemetry';
import type { Incoming } from './wire/client/incoming.ts';
import { type ClientFieldRules, isKeptFromBackends } from './wire/rules/client-fields.ts';
import { type FieldName, type Fields, fieldValue, noFields } from './wire/rules/fields.ts';
import type { Refusal } from './wire/rules/refusal.ts';
import type { RequestBody, RequestHead } from './wire/rules/request.ts';
import type { ClientResponse } from './wire/rules/response.ts';

/** One request and its response, and what is found out about them on the way. */
export interface Exchange extends Omit<Incoming, 'body' | 'request' | 'answer'> {
  /** As the client sent it, with the host that a trusted proxy says it asked for. */
  request: RequestHead;
  /** The way to the client; policies put themselves between. */
  answer: ClientResponse;
  /** As it arrives, or buffered bytes once a policy had to read it. */
  body: RequestBody;
  /** Of the gateway's own operation; each try is one inside it, which the back end continues. */
  readonly trace: TraceContext;
  /** The field for the back end, as it was written last; `undefined` where none is sent. */
  traceparent: string | undefined;
  readonly callerSpanId: string | undefined;
  /** Monotonic. */
  readonly startedAtMs: number;
  /** Template of the route, for logs and metrics; empty while there is none. */
  route: string;
  /** The peer, or with trusted proxies the client they speak of. Rate limits and IP lists use it. */
  clientAddress: string;
  /** Values of the template's placeholders, raw text of the request. */
  values: Map<string, string>;
  /** Of the verified token; names are case-sensitive. `undefined` on an open route. */
  claims: Claims | undefined;
  /** The back end is told who the client is, by other than its token: the answer is for nobody else. */
  isPersonal: boolean;
  /** Sent with the request; a response that repeats it with another value is not this request's. */
  requestId: { readonly name: FieldName; readonly value: string } | undefined;
  /** What goes to the back end: starts as the client's own fields and query, is edited by the steps. */
  readonly outgoing: Outgoing;
  /** The gateway's own fields on the response: rate limit, request id. */
  readonly answerFields: Fields;
  /** Called when the client goes away before its response is complete. */
  onGone: (() => void) | undefined;
  /** The instance that answered, for logs. */
  backend: string | undefined;
  /** Why the gateway itself answered, for logs. */
  refusal: Refusal | undefined;
}

/** Each member of a token's payload as texts: one for a string, number or boolean, one per item of an array. */
export type Claims = Map<string, readonly string[]>;

export interface Outgoing {
  method: string;
  /** Forwardable fields of the client, then what the steps made of them. */
  readonly fields: Fields;
  /** Parameters that a step set: they replace those of the same name. `undefined` = none. */
  query: Map<string, string> | undefined;
}

/**
 * One policy of a route. `undefined` = go on. Steps are synchronous where they can be: a promise costs every
 * request of the route a microtask.
 */
export type Step = (exchange: Exchange) => Refusal | undefined | Promise<Refusal | undefined>;

const NO_VALUES = new Map<string, string>();

export function createExchange(
  { request, body, answer, peerAddress, secure, clientCertificate }: Incoming,
  clientFields: ClientFieldRules,
  /** Of the exchange that this one is a part of. */
  whole?: TraceContext,
): Exchange {
  const caller = whole ?? parseTraceparent(fieldValue(request.fields, 'traceparent'));
  return {
    request,
    body,
    answer,
    peerAddress,
    secure,
    clientCertificate,
    trace: caller === undefined ? newTrace() : childOf(caller),
    traceparent: undefined,
    callerSpanId: caller?.spanId,
    startedAtMs: performance.now(),
    route: '',
    clientAddress: peerAddress,
    values: NO_VALUES,
    claims: undefined,
    isPersonal: false,
    requestId: undefined,
    outgoing: outgoingOf(request, clientFields),
    answerFields: noFields(),
    onGone: undefined,
    backend: undefined,
    refusal: undefined,
  };
}

/**
 * What of the client's request may go to a back end. Fields of the connection, what `Connection` names and what no client may say are
 * left out first, so that nothing the gateway adds later can be removed by them.
 */
function outgoingOf(request: RequestHead, clientFields: ClientFieldRules): Outgoing {
  return {
    method: request.method,
    fields: forwardable(request, clientFields),
    query: undefined,
  };
}

function forwardable({ fields, connectionNames }: RequestHead, rules: ClientFieldRules): Fields {
  const kept = noFields();
  const { names, values } = fields;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name === undefined || isKeptFromBackends(name, rules)) continue;
    if (connectionNames.length > 0 && connectionNames.includes(name.lower)) continue;
    kept.names.push(name);
    kept.values.push(values[index] ?? '');
  }
  return kept;
}
