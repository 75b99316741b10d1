/** An observation that stands for its bucket: the trace in which it was made. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  /** Since the epoch. It stays that of the observation: with a new one each scrape would store another exemplar. */
  readonly atMs: number;
}

/** What was observed under one set of labels. */
export interface Distribution {
  /** One count per bucket, not cumulative, the last for +Inf. */
  readonly counts: number[];
  readonly exemplars: (Exemplar | undefined)[];
  /** `undefined` when somebody else counts, in buckets of its own. */
  exponential: ExponentialCounts | undefined;
  sum: number;
  count: number;
  min: number;
  max: number;
}

/** Where an observation was made; only a sampled trace can be looked up later. */
export interface Origin {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** An exemplar stays at least so long, so that hot buckets do not make one for each observation. */
const EXEMPLAR_MS = 1_000;

export function createDistribution(buckets: number): Distribution {
  return {
    counts: new Array<number>(buckets + 1).fill(0),
    exemplars: [],
    exponential: { scale: MAX_SCALE, offset: 0, counts: [], zeros: 0 },
    sum: 0,
    count: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  };
}

/** `value` is finite. */
export function record(
  into: Distribution,
  bounds: readonly number[],
  value: number,
  origin: Origin | undefined,
): void {
  let index = 0;
  while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
  into.counts[index] = (into.counts[index] ?? 0) + 1;
  into.sum += value;
  into.count += 1;
  if (value < into.min) into.min = value;
  if (value > into.max) into.max = value;
  if (into.exponential !== undefined) recordExponential(into.exponential, value);
  if (origin?.sampled !== true) return;
  const atMs = Date.now();
  if (atMs - (into.exemplars[index]?.atMs ?? 0) < EXEMPLAR_MS) return;
  into.exemplars[index] = { traceId: origin.traceId, spanId: origin.spanId, value, atMs };
}

/**
 * A base-2 exponential histogram as OpenTelemetry defines it: bucket `i` holds values in (base^(offset+i), base^(offset+i+1)]
 * with base = 2^(2^-scale). It can be merged with others, and a quantile out of it is at most 4.5 % off at scale 3.
 */
export interface ExponentialCounts {
  scale: number;
  offset: number;
  counts: number[];
  /** Values of 0 and below. */
  zeros: number;
}

const MAX_SCALE = 3;
/** As OpenTelemetry's own default; 160 buckets at scale 3 go from a microsecond to a second. */
const MAX_BUCKETS = 160;

function recordExponential(into: ExponentialCounts, value: number): void {
  if (value <= 0) {
    into.zeros += 1;
    return;
  }
  let index = indexAt(into.scale, value);
  if (into.counts.length === 0) into.offset = index;
  let low = Math.min(into.offset, index);
  let high = Math.max(into.offset + into.counts.length - 1, index);
  while (high - low >= MAX_BUCKETS) {
    coarsen(into);
    index = indexAt(into.scale, value);
    low = Math.min(into.offset, index);
    high = Math.max(into.offset + into.counts.length - 1, index);
  }
  if (index < into.offset) {
    into.counts = [...new Array<number>(into.offset - index).fill(0), ...into.counts];
    into.offset = index;
  }
  const at = index - into.offset;
  while (into.counts.length <= at) into.counts.push(0);
  into.counts[at] = (into.counts[at] ?? 0) + 1;
}

function indexAt(scale: number, value: number): number {
  return Math.ceil(Math.log2(value) * 2 ** scale) - 1;
}

/** Two buckets become one. */
function coarsen(into: ExponentialCounts): void {
  const offset = Math.floor(into.offset / 2);
  const counts: number[] = [];
  into.counts.forEach((count, at) => {
    const index = Math.floor((into.offset + at) / 2) - offset;
    counts[index] = (counts[index] ?? 0) + count;
  });
  into.counts = counts;
  into.offset = offset;
  into.scale -= 1;
}
