/** A problem as a response (RFC 9457). Any route may give one; business refusals are 4xx with their own `code`. */
export interface ProblemReply {
  readonly status: number;
  readonly problem: {
    readonly code: string;
    readonly detail?: string;
    readonly extra?: Readonly<Record<string, unknown>>;
  };
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response of a route with `produces` that goes on: each text is sent as it comes, until there are no more or nobody reads. */
export interface StreamReply {
  readonly status: 200;
  readonly stream: AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

type Headers = Readonly<Record<string, string>>;

interface Reply<Status extends number, Body> {
  readonly status: Status;
  readonly body: Body;
  readonly headers?: Headers;
}

export function ok<Body>(body: Body, headers?: Headers): Reply<200, Body> {
  return replyOf(200, body, headers);
}

export function created<Body>(body: Body, headers?: Headers): Reply<201, Body> {
  return replyOf(201, body, headers);
}

export function accepted<Body>(body: Body, headers?: Headers): Reply<202, Body> {
  return replyOf(202, body, headers);
}

export function noContent(headers?: Headers): Reply<204, undefined> {
  return replyOf(204, undefined, headers);
}

/** `extra` becomes additional members of the problem, e.g. `{ orderId }`. For headers: `{ ...problem(…), headers }`. */
export function problem(status: number, code: string, detail?: string, extra?: object): ProblemReply {
  return {
    status,
    problem: {
      code,
      ...(detail !== undefined && { detail }),
      ...(extra !== undefined && { extra: { ...extra } }),
    },
  };
}

function replyOf<Status extends number, Body>(
  status: Status,
  body: Body,
  headers: Headers | undefined,
): Reply<Status, Body> {
  return { status, body, ...(headers && { headers }) };
}
