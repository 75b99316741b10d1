import { errorMessage } from '../logs/log-view.ts';
import type { Unit } from '../processes/supervised-process.ts';

const QUIET_MS = 10_000;
const MOST_REMEMBERED = 500;

/** Shows what services log as errors: the same one of the same service again only after a while. */
export function showErrors(units: readonly Unit[], say: (line: string) => void): void {
  const shownAt = new Map<string, number>();
  for (const unit of units) {
    unit.log.follow((line) => {
      const message = errorMessage(line);
      if (message === undefined) return;
      const text = `${unit.instance} error: ${message}`;
      const now = performance.now();
      if (now - (shownAt.get(text) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
      if (shownAt.size >= MOST_REMEMBERED) shownAt.clear();
      shownAt.set(text, now);
      say(text);
    });
  }
}
