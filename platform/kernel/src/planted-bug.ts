/**
 * Deliberate mistakes in the code, for the proof that the invariant checker would notice them. None is active
 * unless a test plants it: only `runService` does, from `FLOTILLA_PLANTED_BUG`, and never outside of demo mode.
 * What each one breaks, and what must find it, is listed in `chaos/planted-code-bugs.ts`.
 */
let planted: ReadonlySet<string> = new Set();

/** Does this process have the bug? Names say what goes wrong: `skip-dedupe`. */
export function plantedBug(name: string): boolean {
  return planted.size > 0 && planted.has(name);
}

/** Plants the bugs of a list like `skip-dedupe,ack-before-commit`, and no others. An empty list heals everything. */
export function plantBugs(list: string): void {
  planted = new Set(list.split(',').filter((name) => name !== ''));
}
