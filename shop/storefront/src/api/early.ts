/** What every request says of itself: that a page of the shop sends it, and where the trace of what it sets going begins. */
export function ownHeaders(): Readonly<Record<string, string>> {
  return { 'X-CSRF': '1', traceparent: newTraceparent() };
}

/** The trace of what a click set going begins here; services carry it on to the last step of the order. */
function newTraceparent(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`;
}

export const TIMEOUT_MS = 10_000;

const underWay = new Map<string, Promise<Response>>();

/** Asks while the scripts that show the answer are still on their way. */
export function askEarly(path: string): void {
  const answer = fetch(path, { headers: ownHeaders(), signal: AbortSignal.timeout(TIMEOUT_MS) });
  answer.catch(() => undefined); // seen by whoever takes it
  underWay.set(path, answer);
}

/** What was asked for early, once: whoever asks again wants to know how it is now. */
export function takeEarly(path: string): Promise<Response> | undefined {
  const answer = underWay.get(path);
  underWay.delete(path);
  return answer;
}
