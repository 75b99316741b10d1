/**
 * Lets equal questions that are asked at the same time share one answer: the outcome of the work that is under way for
 * `key`, else of `work`, which is started then.
 */
export type Coalesce = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Nothing is kept once it has ended: this is no cache. For calls whose results are never changed in place. */
export function createCoalesce(): Coalesce {
  const running = new Map<string, Promise<unknown>>();
  return <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const known = running.get(key);
    // Callers that share a key share the work that it names, and so its type.
    if (known !== undefined) return known as Promise<T>;
    const started = work().finally(() => running.delete(key));
    running.set(key, started);
    return started;
  };
}
