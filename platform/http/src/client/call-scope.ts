import { httpError } from '../errors.ts';

/** The time and the right to live of one call, over all its attempts. */
export interface CallScope {
  /** Aborted with `HTTP_TIMEOUT` at the deadline and with `HTTP_ABORTED` by the caller. */
  readonly signal: AbortSignal;
  remainingMs(): number;
  /** The promise's outcome, or the signal's reason if that comes first. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Must be called when the call has ended. */
  close(): void;
}

interface CallScopeOptions {
  readonly service: string;
  readonly allowedMs: number;
  readonly signal: AbortSignal | undefined;
}

export function openCallScope({ service, allowedMs, signal: caller }: CallScopeOptions): CallScope {
  const deadlineAt = performance.now() + allowedMs;
  const controller = new AbortController();
  const timeOut = () =>
    controller.abort(
      httpError('HTTP_TIMEOUT', `${service} did not answer in time`, {
        retryable: true,
        details: { service },
      }),
    );
  const abort = () =>
    controller.abort(
      httpError('HTTP_ABORTED', 'the caller gave up', { cause: caller?.reason, details: { service } }),
    );
  const timer = setTimeout(timeOut, Math.max(0, allowedMs));
  if (allowedMs <= 0) timeOut();
  if (caller?.aborted) abort();
  else caller?.addEventListener('abort', abort, { once: true });

  return {
    signal: controller.signal,
    remainingMs: () => deadlineAt - performance.now(),
    race: (work) =>
      new Promise((resolve, reject) => {
        const lost = () => reject(controller.signal.reason);
        if (controller.signal.aborted) lost();
        else controller.signal.addEventListener('abort', lost, { once: true });
        work.then(resolve, reject).finally(() => controller.signal.removeEventListener('abort', lost));
      }),
    close: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', abort);
    },
  };
}
