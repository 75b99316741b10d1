/** Uniform in [0, min(maxMs, baseMs · 2^(attempt-1))): full jitter, so that callers that failed together spread. */
export function fullJitterMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
}

/** No server means more than a day; such a value is a mistake or worse, and longer than every deadline anyway. */
const LONGEST_MS = 86_400_000;

/**
 * `Retry-After` in milliseconds from now: seconds, or an HTTP date (one that has passed is 0). `undefined` for what is
 * neither.
 */
export function retryAfterMs(field: string | undefined, now: Date): number | undefined {
  if (field === undefined) return undefined;
  const text = field.trim();
  if (/^\d{1,15}$/.test(text)) return Math.min(LONGEST_MS, Number(text) * 1_000);
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.min(LONGEST_MS, Math.max(0, atMs - now.getTime()));
}
