/** Facts about an error that are safe to log. Never put secrets or whole request bodies here. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface PlatformErrorOptions {
  /** May the same operation succeed when it is tried again unchanged? Read by retry, messaging and saga. */
  readonly retryable?: boolean;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The one error base of the platform. `code` is stable and documented in `docs/reference/errors.md`;
 * the message is for operators and never sent to a client. Business rejections are not errors: they are
 * returned as a `Result`.
 */
export class PlatformError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options: PlatformErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

export function isPlatformError(error: unknown): error is PlatformError {
  return error instanceof PlatformError;
}

/** Turns whatever was thrown into an `Error`, so that a boundary can log and answer it. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error && typeof thrown.message === 'string') return thrown;
  return new Error(`a non-error was thrown: ${describe(thrown)}`);
}

/** Not everything can be made a text: an object without a prototype cannot. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `${typeof thrown} without a text`;
  }
}

/** Is it worth trying the same operation again? Unknown faults are: only a known terminal one is not. */
export function isRetryable(error: unknown): boolean {
  return isPlatformError(error) ? error.retryable : true;
}
