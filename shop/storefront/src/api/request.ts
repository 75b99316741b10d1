import { ownHeaders, TIMEOUT_MS, takeEarly } from './early.ts';

/** A field that the server refuses, and why. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[];
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
  /** The members of the problem, such as the new `quote`. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** How long somebody waited for it. */
  readonly tookMs?: number;
}

/** What the server refused, or that it could not be reached: `status` 0, code `unreachable`. */
export class RequestError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly FieldError[];
  readonly retryAfterMs: number | undefined;
  /** What to tell whoever looks after the shop. */
  readonly requestId: string | undefined;
  readonly members: Readonly<Record<string, unknown>>;
  /** How long somebody waited for it. */
  readonly tookMs: number;

  constructor({
    status,
    code,
    detail,
    errors = [],
    retryAfterMs,
    requestId,
    members = {},
    tookMs = 0,
  }: Answer) {
    super(detail ?? code);
    Object.assign(this, { name: 'RequestError' });
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
    this.requestId = requestId;
    this.members = members;
    this.tookMs = tookMs;
  }

  /** Whether it may have been done all the same: nobody knows the answer. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 408;
  }
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** JSON from the shop; `undefined` for an answer without content. Rejects with `RequestError`. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const { method = 'GET', body, headers, signal, timeoutMs = TIMEOUT_MS } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const init: RequestInit = {
    method,
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
    headers: {
      ...ownHeaders(),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
  const began = performance.now();
  const early = method === 'GET' ? takeEarly(path) : undefined;
  const response = await (early ?? fetch(path, init)).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new RequestError({ status: 0, code: 'unreachable', tookMs: performance.now() - began });
  });
  if (response.ok) return (response.status === 204 ? undefined : await readJson(response)) as T;
  throw await refusal(response, performance.now() - began);
}

/** What was meant to be JSON and is not comes from something in between. */
async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new RequestError({ status: 0, code: 'unreachable' });
  }
}

async function refusal(response: Response, tookMs: number): Promise<RequestError> {
  const found: unknown = await response.json().catch(() => ({}));
  const members = (typeof found === 'object' && found !== null ? found : {}) as Record<string, unknown>;
  const { code, detail, errors } = members;
  return new RequestError({
    status: response.status,
    code: typeof code === 'string' ? code : `http-${response.status}`,
    detail: typeof detail === 'string' ? detail : undefined,
    errors: Array.isArray(errors) ? (errors as FieldError[]) : [],
    retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
    requestId: response.headers.get('x-request-id') ?? undefined,
    members,
    tookMs,
  });
}

const MAX_RETRY_AFTER_MS = 120_000;

/** Of a `Retry-After` in seconds; `undefined` for none. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null || !/^\d{1,9}$/.test(header)) return undefined;
  return Math.min(Number(header) * 1_000, MAX_RETRY_AFTER_MS);
}
