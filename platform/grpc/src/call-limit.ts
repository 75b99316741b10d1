import { type CallFacts, callError } from './errors.ts';

/** How long one call may take, whatever it is waiting for. */
export interface CallLimit {
  /** Aborts at the deadline or with the caller's signal; the reason is the error of the call. */
  readonly signal: AbortSignal;
  remainingMs(): number;
  /** The result of `work`, or the error of the call when its limit comes first. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Ends the call now, with `GRPC_CANCELLED`. */
  cut(why: string): void;
  end(): void;
}

export function startLimit(facts: CallFacts, timeoutMs: number, caller: AbortSignal | undefined): CallLimit {
  const deadlineAt = performance.now() + timeoutMs;
  const controller = new AbortController();
  const expire = () => controller.abort(callError('DEADLINE_EXCEEDED', 'no answer in time', facts));
  const cut = (why: string) => controller.abort(callError('CANCELLED', why, facts, caller?.reason));
  const cancel = () => cut('the caller gave up');

  const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  if (timer === undefined) expire();
  if (caller?.aborted) cancel();
  caller?.addEventListener('abort', cancel, { once: true });

  const { signal } = controller;
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined); // nobody may be racing at that moment; `race` still sees it

  return {
    signal,
    remainingMs: () => Math.max(0, deadlineAt - performance.now()),
    race: (work) => Promise.race([aborted, work]),
    cut,
    end: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', cancel);
    },
  };
}
