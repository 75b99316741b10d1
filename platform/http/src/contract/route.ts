import type { Policy } from '@flotilla/auth';
import type { Schema } from '@flotilla/kernel';
import type { Priority } from '@flotilla/resilience';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Bodies by status; `null` for a response without one. Problems are listed apart, in `problems`. */
export type Responses = Readonly<Record<number, Schema<unknown> | null>>;

/** The problems of one status, as documents show them. Any route may give others: they are documented as `default`. */
export interface DeclaredProblems {
  /** Every `code` that callers may have to tell apart. */
  readonly codes: readonly string[];
  /** Members beside those that each problem has: an object schema. */
  readonly members?: Schema<unknown>;
  /** An object schema with the names as they are sent: `Retry-After`. */
  readonly headers?: Schema<unknown>;
}

/**
 * One HTTP operation, declared once: the server validates by it, the typed client calls by it, OpenAPI and
 * the gateway's documentation are derived from it. Absent parts are typed `undefined`.
 */
export interface Route<
  Params extends Schema<unknown> | undefined = Schema<unknown> | undefined,
  Query extends Schema<unknown> | undefined = Schema<unknown> | undefined,
  Headers extends Schema<unknown> | undefined = Schema<unknown> | undefined,
  Body extends Schema<unknown> | undefined = Schema<unknown> | undefined,
  Replies extends Responses = Responses,
  Access extends 'public' | Policy = 'public' | Policy,
> {
  readonly method: Method;
  /** `/orders/:id` */
  readonly path: string;
  readonly summary: string;
  /** Names the operation in documents, and with them in generated clients. Default: made of method and path. */
  readonly operationId?: string;
  /** Who may call it: `'public'`, or a policy over the verified token. */
  readonly access: Access;
  readonly params?: Params;
  readonly query?: Query;
  /** Header names in lower case. Unlisted headers are not passed to the handler. */
  readonly headers?: Headers;
  readonly body?: Body;
  readonly responses: Replies;
  /** Media type of the responses when it is not JSON. Their bodies are texts then. */
  readonly produces?: string;
  /** Problems of this route by status, beside those that follow from its input and access. */
  readonly problems?: Readonly<Record<number, DeclaredProblems>>;
  /** Headers of declared responses by status: object schemas with the names as they are sent. */
  readonly responseHeaders?: Readonly<Record<number, Schema<unknown>>>;
  /**
   * `headers` as documents show them, where the service checks one itself to refuse it with a code of its own.
   * Default: `headers`.
   */
  readonly documentedHeaders?: Schema<unknown>;
  /** Repeating the request has no further effect, so that a client may retry it. GET always counts as such. */
  readonly idempotent?: true;
  /** How much it matters that it is served when not all can be. Default `normal`. */
  readonly priority?: Priority;
  /** It takes long because it waits for something, not because there is much to do: it does not count as load. */
  readonly waits?: true;
}

/** What a handler receives of a request, by route: validated, with undeclared parts `undefined`. */
export interface RouteInput<R extends Route> {
  readonly params: PartOf<R['params']>;
  readonly query: PartOf<R['query']>;
  readonly headers: PartOf<R['headers']>;
  readonly body: PartOf<R['body']>;
}

type PartOf<S> = [Exclude<S, undefined>] extends [Schema<infer T>]
  ? [Exclude<S, undefined>] extends [never]
    ? undefined
    : T
  : undefined;

type BodyOf<S> = S extends Schema<infer T> ? T : undefined;

/** What a route answers: one of its declared statuses with the body of that status. */
export type RouteAnswer<R extends Route> = {
  [S in keyof R['responses'] & number]: {
    readonly status: S;
    readonly body: BodyOf<R['responses'][S]>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}[keyof R['responses'] & number];

/** What a caller has to give to call a route: parts without required properties may be left out. */
export type CallInput<R extends Route> = InputPart<'params', PartOf<R['params']>> &
  InputPart<'query', PartOf<R['query']>> &
  InputPart<'headers', PartOf<R['headers']>> &
  InputPart<'body', PartOf<R['body']>>;

type InputPart<Name extends string, T> = [T] extends [undefined]
  ? { readonly [K in Name]?: undefined }
  : object extends T
    ? { readonly [K in Name]?: T }
    : { readonly [K in Name]: T };

/** What a caller gets back: one of the declared statuses. */
export type CallReply<R extends Route> = {
  [S in keyof R['responses'] & number]: {
    readonly status: S;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: BodyOf<R['responses'][S]>;
  };
}[keyof R['responses'] & number];

/** The value of a route's body, for handlers that name its type. */
export type BodyFor<R extends Route> = PartOf<R['body']>;

/** Declares a route; the literal types of its parts are kept. */
export function defineRoute<
  const Replies extends Responses,
  const Access extends 'public' | Policy,
  Params extends Schema<unknown> | undefined = undefined,
  Query extends Schema<unknown> | undefined = undefined,
  Headers extends Schema<unknown> | undefined = undefined,
  Body extends Schema<unknown> | undefined = undefined,
>(
  route: Route<Params, Query, Headers, Body, Replies, Access>,
): Route<Params, Query, Headers, Body, Replies, Access> {
  return route;
}
