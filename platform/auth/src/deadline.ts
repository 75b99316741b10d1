/** Runs `work` with a signal that aborts after `timeoutMs`, and stops waiting then even if `work` does not. */
export async function within<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = new DOMException(`not within ${timeoutMs} ms`, 'TimeoutError');
    abort.abort(reason);
    reject(reason);
  }, timeoutMs);
  try {
    return await Promise.race([work(abort.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
