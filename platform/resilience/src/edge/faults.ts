import { faultRefused } from '../errors.ts';

/** A fault injected into calls of one service to another. */
export interface Fault {
  readonly from: string;
  readonly to: string;
  /** Delays the call by this much. */
  readonly latency?: { readonly ms: number; readonly percent: number };
  /** It is not sent, and fails as if no instance could be reached. */
  readonly errorPercent?: number;
  /** It is not sent; this status is the response. */
  readonly outcome?: { readonly status: number; readonly percent: number };
  /** It is sent and the connection is cut before the response: whether it was carried out is unknown. */
  readonly killPercent?: number;
  /** The same seed hits the same calls. */
  readonly seed: number;
}

/** What is to happen to one attempt. */
export interface InjectedFault {
  readonly latencyMs: number;
  readonly kind: 'latency' | 'error' | 'outcome' | 'kill';
  readonly status: number;
}

export interface Faults {
  /** Replaces what was set before. Throws `RESILIENCE_FAULT_REFUSED` where faults are not allowed. */
  set(faults: readonly Fault[]): void;
  readonly all: readonly Fault[];
  /** For one attempt; `undefined` = nothing. */
  next(from: string, to: string): InjectedFault | undefined;
}

/** `isAllowed`: in demo mode and in tests, never in production. */
export function createFaults({ isAllowed }: { readonly isAllowed: boolean }): Faults {
  let all: readonly Fault[] = [];
  let byEdge = new Map<string, { readonly fault: Fault; readonly random: () => number }>();
  return {
    set: (faults) => {
      if (!isAllowed && faults.length > 0)
        throw faultRefused('faults can be injected in demo mode and in tests only');
      all = faults;
      byEdge = new Map(
        faults.map((fault) => [keyOf(fault.from, fault.to), { fault, random: seeded(fault.seed) }]),
      );
    },
    get all() {
      return all;
    },
    next: (from, to) => {
      if (byEdge.size === 0) return undefined;
      const set = byEdge.get(keyOf(from, to));
      return set === undefined ? undefined : draw(set.fault, set.random);
    },
  };
}

function keyOf(from: string, to: string): string {
  return `${from}→${to}`;
}

/** Four numbers for each attempt, whatever the fault uses: a higher percentage hits the same calls and some more. */
function draw(fault: Fault, random: () => number): InjectedFault | undefined {
  const hits = (percent: number | undefined) => random() * 100 < (percent ?? 0);
  const latencyMs = hits(fault.latency?.percent) ? (fault.latency?.ms ?? 0) : 0;
  const isError = hits(fault.errorPercent);
  const isOutcome = hits(fault.outcome?.percent);
  const isKill = hits(fault.killPercent);
  const status = fault.outcome?.status ?? 0;
  if (isError) return { latencyMs, kind: 'error', status };
  if (isOutcome) return { latencyMs, kind: 'outcome', status };
  if (isKill) return { latencyMs, kind: 'kill', status };
  return latencyMs > 0 ? { latencyMs, kind: 'latency', status } : undefined;
}

/** Mulberry32: small, quick, and the same everywhere. Uniform in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const NAME = /^[a-z][a-z0-9-]*$/;

/** `order→payment` or `order->payment`, then `latency=500ms[:30%] error=20% outcome=503:10% kill=1% seed=7`. */
export function parseFault(edge: string, parts: readonly string[]): Fault {
  const [from = '', to = '', ...rest] = edge.split(/→|->/);
  if (!NAME.test(from) || !NAME.test(to) || rest.length > 0)
    throw faultRefused(`an edge is written order→payment (or 'order->payment'), not ${edge}`);
  const given: { -readonly [K in keyof Fault]: Fault[K] } = { from, to, seed: 1 };
  for (const part of parts) {
    const [name = '', text = ''] = part.split('=', 2);
    const read = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
    const value = read?.(text);
    if (value === undefined)
      throw faultRefused(
        `${part} is no fault: latency=500ms, latency=500ms:30%, error=20%, outcome=503:10%, kill=1%, seed=7`,
      );
    Object.assign(given, value);
  }
  if (parts.length === 0 || Object.keys(given).length === 3)
    throw faultRefused('say what is to go wrong: latency=500ms, error=20%, outcome=503:10%, kill=1%');
  return given;
}

const PARTS: Readonly<Record<string, (text: string) => Partial<Fault> | undefined>> = {
  latency: (text) => {
    const [, ms = '', , percent] = /^(\d{1,6})ms(:(\d{1,3})%)?$/.exec(text) ?? [];
    const share = percentOf(percent ?? '100');
    return ms === '' || share === undefined ? undefined : { latency: { ms: Number(ms), percent: share } };
  },
  error: (text) => {
    const errorPercent = percentOf(/^(\d{1,3})%$/.exec(text)?.[1]);
    return errorPercent === undefined ? undefined : { errorPercent };
  },
  outcome: (text) => {
    const [, status, percent] = /^([1-5]\d\d):(\d{1,3})%$/.exec(text) ?? [];
    const share = percentOf(percent);
    return status === undefined || share === undefined
      ? undefined
      : { outcome: { status: Number(status), percent: share } };
  },
  kill: (text) => {
    const killPercent = percentOf(/^(\d{1,3})%$/.exec(text)?.[1]);
    return killPercent === undefined ? undefined : { killPercent };
  },
  seed: (text) => (/^\d{1,9}$/.test(text) ? { seed: Number(text) } : undefined),
};

function percentOf(digits: string | undefined): number | undefined {
  const percent = digits === undefined ? Number.NaN : Number(digits);
  return percent >= 0 && percent <= 100 ? percent : undefined;
}

/** As `parseFault` reads it. */
export function formatFault({ from, to, latency, errorPercent, outcome, killPercent, seed }: Fault): string {
  return [
    `${from}→${to}`,
    latency && `latency=${latency.ms}ms${latency.percent === 100 ? '' : `:${latency.percent}%`}`,
    errorPercent !== undefined && `error=${errorPercent}%`,
    outcome && `outcome=${outcome.status}:${outcome.percent}%`,
    killPercent !== undefined && `kill=${killPercent}%`,
    `seed=${seed}`,
  ]
    .filter((part) => typeof part === 'string')
    .join(' ');
}
