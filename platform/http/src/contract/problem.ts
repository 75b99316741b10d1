import { isPlatformError, PlatformError, problemJson } from '@flotilla/kernel';
import { type ProblemReply, problem } from './reply.ts';

const STANDARD: ReadonlySet<string> = new Set(['type', 'title', 'status', 'code', 'detail']);

/** One thing wrong with one part of a request. `path` is a JSON pointer into that part. */
export interface PartIssue {
  readonly in: 'body' | 'query' | 'params' | 'headers';
  readonly path: string;
  readonly message: string;
}

/** A request refused before its handler ran. */
export class Refusal extends PlatformError<'HTTP_REQUEST_REFUSED'> {
  readonly reply: ProblemReply;

  constructor(reply: ProblemReply) {
    super('HTTP_REQUEST_REFUSED', `refused with ${reply.status} ${reply.problem.code}`);
    this.reply = reply;
  }
}

/** An error that is answered as this problem, for routes outside of any contract. */
export function refusal(reply: ProblemReply): Error {
  return new Refusal(reply);
}

export function validationFailed(errors: readonly PartIssue[]): Refusal {
  return new Refusal(problem(400, 'validation-failed', 'The request does not match its schema.', { errors }));
}

export function unauthorized(challenge: string, detail: string): Refusal {
  return new Refusal({
    ...problem(401, 'unauthorized', detail),
    headers: { 'www-authenticate': challenge },
  });
}

/** The JSON text of a problem. Its `extra` members cannot replace those of the standard. */
export function replyJson(
  { status, problem: { code, detail, extra } }: ProblemReply,
  traceId: string,
): string {
  const standard = { status, code, detail };
  if (extra === undefined) return problemJson(standard, { traceId });
  const own = Object.entries(extra).filter(([name]) => !STANDARD.has(name));
  return problemJson(standard, { traceId, ...Object.fromEntries(own) });
}

export const UNSUPPORTED_MEDIA_TYPE: ProblemReply = problem(
  415,
  'unsupported-media-type',
  'Send application/json.',
);

/** What Fastify refuses by itself, in our words. */
const BY_FASTIFY_CODE: Readonly<Record<string, ProblemReply>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: problem(400, 'malformed-json', 'The body is not acceptable JSON.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: problem(400, 'malformed-json', 'The body is empty; JSON is expected.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: problem(
    400,
    'malformed-request',
    'The body does not match Content-Length.',
  ),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: UNSUPPORTED_MEDIA_TYPE,
  FST_ERR_CTP_BODY_TOO_LARGE: problem(413, 'body-too-large'),
  FST_ERR_BAD_URL: problem(400, 'malformed-url'),
  FST_ERR_INVALID_URL: problem(400, 'malformed-url'),
  FST_ERR_MAX_PARAM_LENGTH: problem(414, 'uri-too-long'),
  FST_ERR_NOT_FOUND: problem(404, 'not-found'),
};

const CALLER_REFUSED: ProblemReply = {
  ...problem(403, 'caller-refused', 'The service that calls may not call this one.'),
  headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
};
const INTERNAL = problem(500, 'internal-error');
const UNAVAILABLE: ProblemReply = {
  ...problem(503, 'temporarily-unavailable', 'A part of the system is not available. Try again.'),
  headers: { 'retry-after': '1' },
};
const DEADLINE = problem(504, 'deadline-exceeded');

/** Within this of its deadline, a retryable fault is reported as the deadline it was cut by. */
const DEADLINE_MARGIN_MS = 5;

/** Translates whatever a request ended with. The one place that decides which error is which status. */
export function replyTo(error: unknown, remainingMs: number): ProblemReply {
  if (error instanceof Refusal) return error.reply;
  if (!isPlatformError(error)) return replyToForeign(error);
  if (error.code === 'AUTH_TOKEN_INVALID') {
    return unauthorized('Bearer error="invalid_token"', 'The access token is not valid.').reply;
  }
  if (error.code === 'AUTH_CALLER_REFUSED') return CALLER_REFUSED;
  if (error.code === 'HTTP_DEADLINE_EXCEEDED') return DEADLINE;
  if (!error.retryable) return INTERNAL;
  return remainingMs <= DEADLINE_MARGIN_MS ? DEADLINE : UNAVAILABLE;
}

function replyToForeign(error: unknown): ProblemReply {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return BY_FASTIFY_CODE[code] ?? INTERNAL;
}
