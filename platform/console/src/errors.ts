import { PlatformError } from '@flotilla/kernel';

/**
 * What a question to the console is refused with.
 * - `CONSOLE_NOT_FOUND`: what was named is not there.
 * - `CONSOLE_BAD_REQUEST`: something is missing or wrong in what was asked.
 * - `CONSOLE_SIGN_IN`: nobody is signed in, or the link was used or is too old.
 * - `CONSOLE_FORBIDDEN`: it comes from another site, is addressed to another host, or is a change that a viewer asks for.
 * - `CONSOLE_UNAVAILABLE`: what it needs is away: a database, the store, the supervisor.
 */
export type ConsoleErrorCode =
  | 'CONSOLE_NOT_FOUND'
  | 'CONSOLE_BAD_REQUEST'
  | 'CONSOLE_SIGN_IN'
  | 'CONSOLE_FORBIDDEN'
  | 'CONSOLE_UNAVAILABLE';

export function consoleError(
  code: ConsoleErrorCode,
  message: string,
  cause?: unknown,
): PlatformError<ConsoleErrorCode> {
  return new PlatformError(code, message, { cause, retryable: code === 'CONSOLE_UNAVAILABLE' });
}

const STATUSES: Readonly<Record<string, number>> = {
  CONSOLE_NOT_FOUND: 404,
  CONSOLE_BAD_REQUEST: 400,
  CONSOLE_SIGN_IN: 401,
  CONSOLE_FORBIDDEN: 403,
  CONSOLE_UNAVAILABLE: 503,
};

export function statusOf(code: string): number {
  return STATUSES[code] ?? 500;
}
