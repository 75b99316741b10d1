import type { Sampler } from '../trace/process-wide.ts';

/** Sampled by the last 56 bits of the trace id, so that every process decides alike (W3C Trace Context 2 calls them random). */
export function createSampler({ followsParent, ratio }: { followsParent: boolean; ratio: number }): Sampler {
  const threshold = ratio * 2 ** 52;
  return {
    followsParent,
    // 52 of the 56 bits: as many as a double holds exactly.
    isSampled: (traceId) => ratio === 1 || Number.parseInt(traceId.slice(19), 16) < threshold,
  };
}
