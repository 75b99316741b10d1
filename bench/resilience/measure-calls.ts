import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Figures } from '../report.ts';

/** One thing that runs calls: all the same from the outside. */
export type Call = (work: () => Promise<number>) => Promise<unknown>;

const WARM_UP = 50_000;
const CALLS = 200_000;
const BATCH = 500;
const BATCHES = 41;
const MILLION = 1_000_000;

const work = async (): Promise<number> => 1;

/** Time and memory of a call that does nothing, and what a million of them leave behind. */
export async function measureCalls(call: Call): Promise<Figures> {
  for (let index = 0; index < WARM_UP; index += 1) await call(work);
  const startedAtMs = performance.now();
  for (let index = 0; index < CALLS; index += 1) await call(work);
  const ns = ((performance.now() - startedAtMs) * 1e6) / CALLS;
  const bytes = await bytesOf(call);
  const before = heapBytes();
  for (let index = 0; index < MILLION; index += 1) await call(work);
  return { 'ns/call': ns, 'B/call': bytes, 'MB after 10⁶': (heapBytes() - before) / 1_048_576 };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** The median of batches that are small enough for nothing to be collected in between. */
async function bytesOf(call: Call): Promise<number> {
  const batches: number[] = [];
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const before = heapBytes();
    for (let index = 0; index < BATCH; index += 1) await call(work);
    batches.push((process.memoryUsage().heapUsed - before) / BATCH);
  }
  return batches.toSorted((a, b) => a - b)[BATCHES >> 1] ?? 0;
}
