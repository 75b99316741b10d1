/** One result, and an end of everything that was begun for it. */
export function withDeadline<T>(
  timeoutMs: number,
  begin: (
    resolve: (value: T | Promise<T>) => void,
    reject: (error: Error) => void,
    onEnd: (end: () => void) => void,
  ) => void,
): Promise<T> {
  const ends: (() => void)[] = [];
  let late: NodeJS.Timeout | undefined;
  return new Promise<T>((resolve, reject) => {
    late = setTimeout(() => reject(new Error(`no response within ${timeoutMs} ms`)), timeoutMs);
    begin(resolve, reject, (end) => ends.push(end));
  }).finally(() => {
    clearTimeout(late);
    for (const end of ends) end();
  });
}
