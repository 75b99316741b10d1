const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 5 * 60_000;
/** As mail servers do: after five days nobody waits for it any more. */
const GIVE_UP_AFTER_MS = 5 * 24 * 60 * 60_000;

/** When to try a mail again after so many failed attempts; `undefined`: give up. */
export function retryDelayMs(attempts: number, ageMs: number): number | undefined {
  if (ageMs > GIVE_UP_AFTER_MS) return undefined;
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20));
}

/** What an SMTP library reports about a failed attempt. */
export interface SendFailure {
  readonly code?: string;
  /** The SMTP command that was answered; `API` when the library refused by itself. */
  readonly command?: string;
  readonly responseCode?: number;
}

/** Has this very mail been refused for good? Trouble with the server or our account there is never the mail's. */
export function isRefusedForGood({ code, command, responseCode = 0 }: SendFailure): boolean {
  if (command === 'RCPT TO' || command === 'DATA') return responseCode >= 500;
  return code === 'EENVELOPE' && command === 'API';
}
