export interface WithinOptions {
  /** Ends the wait, too, with its own reason. Work does not begin once it is aborted. */
  readonly signal?: AbortSignal;
  /** Made when the time is up. Default: a `DOMException` named `TimeoutError`. */
  readonly reason?: () => Error;
}

/**
 * Runs `work` with a signal that is aborted after `ms`, and stops waiting then even if `work` does not: rejects with that signal's
 * reason. A late result is ignored. Real time, on a timer that is gone with the end of the work.
 */
export async function within<T>(
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  { signal, reason }: WithinOptions = {},
): Promise<T> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const ended = Promise.withResolvers<never>();
  const end = (why: unknown): void => {
    ended.reject(why); // before the work hears of it, so that this is the reason, whatever the work fails with
    abort.abort(why);
  };
  const expire = () => end(reason?.() ?? new DOMException(`not within ${ms} ms`, 'TimeoutError'));
  const cut = () => end(signal?.reason);
  const timer = setTimeout(expire, ms);
  signal?.addEventListener('abort', cut, { once: true });
  try {
    return await Promise.race([ended.promise, work(abort.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cut);
  }
}

/**
 * The same for work whose signal there is already: stops waiting when it is aborted, and rejects with its reason. Work does not begin
 * once it is aborted.
 */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => signal.removeEventListener('abort', cut);
    const cut = () => {
      end();
      reject(signal.reason);
    };
    signal.addEventListener('abort', cut, { once: true });
    work().then(resolve, reject).finally(end);
  });
}
