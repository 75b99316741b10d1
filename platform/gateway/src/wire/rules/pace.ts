/** Judges how fast a client sends a body, by the time in which its bytes were wanted. */
export interface BodyPace {
  /** From now on bytes are wanted. */
  start(nowMs: number): void;
  stop(nowMs: number): void;
  received(bytes: number, nowMs: number): void;
  isTooSlow(nowMs: number): boolean;
}

export interface PaceLimits {
  readonly bodyStallMs: number;
  readonly bodyBytesPerSecond: number;
  readonly bodyGraceMs: number;
}

export function createBodyPace(limits: PaceLimits): BodyPace {
  let bytes = 0;
  let lastMs = 0;
  let wantedMs = 0;
  let sinceMs: number | undefined;
  return {
    start: (nowMs) => {
      sinceMs ??= nowMs;
      lastMs = nowMs;
    },
    stop: (nowMs) => {
      if (sinceMs !== undefined) wantedMs += nowMs - sinceMs;
      sinceMs = undefined;
    },
    received: (count, nowMs) => {
      bytes += count;
      lastMs = nowMs;
    },
    isTooSlow: (nowMs) => {
      if (sinceMs === undefined) return false;
      if (nowMs - lastMs >= limits.bodyStallMs) return true;
      const totalMs = wantedMs + nowMs - sinceMs;
      return totalMs > limits.bodyGraceMs && bytes * 1000 < limits.bodyBytesPerSecond * totalMs;
    },
  };
}
