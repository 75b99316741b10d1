import { problem } from '@flotilla/http';

/** 429 with the seconds to wait. */
export function tooMany(detail: string, waitMs: number) {
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) };
  return { ...problem(429, 'too-many-attempts', detail), headers };
}
