/** A deadline that can be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * Coarse deadlines for thousands of exchanges at the cost of one interval: a timer fires up to `tickMs` late,
 * never early. `setTimeout` per request costs about a microsecond and keeps its own list for each duration.
 */
export interface Timers {
  after(ms: number, fire: () => void): Timer;
  /** Monotonic, refreshed each tick and on `after`; good enough for idle times. */
  readonly nowMs: number;
  close(): void;
}
