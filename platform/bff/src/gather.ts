import { toError, within } from '@flotilla/kernel';

/** One part of a page, asked for beside all others. */
export interface Part<T> {
  /** Longest wait for it. */
  readonly deadlineMs: number;
  readonly ask: (signal: AbortSignal) => Promise<T>;
}

export interface GatherOptions {
  /** Longest wait for all of them. */
  readonly deadlineMs: number;
  /** Ends the wait for all, and with it the page. */
  readonly signal: AbortSignal;
  /** A failure that is one of the page, and no missing part: it is thrown. Default: none. */
  readonly isFatal?: (error: unknown) => boolean;
  /** Told of each part that is missing. */
  readonly onMissing?: (part: string, error: Error) => void;
}

export interface Gathered<Values> {
  /** `null` for what failed or was late. */
  readonly parts: { readonly [K in keyof Values]: Values[K] | null };
  /** Names of those, as they were listed. */
  readonly degraded: readonly string[];
}

/** Asks for all parts at once and takes what there is at the deadline. Whoever is late is told that nobody waits any more. */
export async function gather<Values extends Readonly<Record<string, unknown>>>(
  parts: { readonly [K in keyof Values]: Part<Values[K]> },
  { deadlineMs, signal, isFatal = () => false, onMissing = () => undefined }: GatherOptions,
): Promise<Gathered<Values>> {
  const names = Object.keys(parts) as (keyof Values & string)[];
  const found: Partial<Record<keyof Values & string, unknown>> = {};
  const missing = new Set<string>();
  await Promise.all(
    names.map(async (name) => {
      try {
        const part = parts[name];
        found[name] = await within(Math.min(part.deadlineMs, deadlineMs), part.ask, { signal });
      } catch (error) {
        if (signal.aborted || isFatal(error)) throw error;
        found[name] = null;
        missing.add(name);
        onMissing(name, toError(error));
      }
    }),
  );
  // Each name was given its value, or null.
  return { parts: found as Gathered<Values>['parts'], degraded: names.filter((name) => missing.has(name)) };
}
