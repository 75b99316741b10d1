import { within } from '@flotilla/kernel';

/** One result, and an end of everything that was begun for it. */
export async function withDeadline<T>(
  timeoutMs: number,
  begin: (
    resolve: (value: T | Promise<T>) => void,
    reject: (error: Error) => void,
    onEnd: (end: () => void) => void,
  ) => void,
): Promise<T> {
  const ends: (() => void)[] = [];
  const work = () => new Promise<T>((resolve, reject) => begin(resolve, reject, (end) => ends.push(end)));
  try {
    return await within(timeoutMs, work, {
      reason: () => new Error(`no response within ${timeoutMs} ms`),
    });
  } finally {
    for (const end of ends) end();
  }
}
