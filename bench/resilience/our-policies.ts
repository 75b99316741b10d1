/** Our side of `npm run bench -- resilience`. */
import { createBreaker, policy } from '@flotilla/resilience';
import { runProgram } from '../program.ts';
import { type Call, measureCalls } from './measure-calls.ts';

const composed = policy({ name: 'bench' });
const breakerOnly = policy({ name: 'bench', retry: false, bulkhead: false });

const CALLS: Readonly<Record<string, Call>> = {
  'nothing at all': (work) => work(),
  'composed policy': (work) => composed(work),
  'deadline and breaker': (work) => breakerOnly(work),
};

await runProgram(async ({ kind }: { readonly kind: string }) => ({
  commands: {
    measure: async () => {
      const call = CALLS[kind];
      return call === undefined ? measureBreaker() : await measureCalls(call);
    },
  },
  close: async () => undefined,
}));

/** The breaker as the policy uses it: a permit and its result. */
function measureBreaker() {
  const breaker = createBreaker({ failureRatio: 0.5, consecutiveFailures: 10 });
  const calls = 3_000_000;
  let nowMs = performance.now();
  const startedAtMs = nowMs;
  for (let index = 0; index < calls; index += 1) {
    breaker.record(breaker.admit(nowMs), 'answered', nowMs);
    nowMs += 0.001;
  }
  return { 'ns/call': ((performance.now() - startedAtMs) * 1e6) / calls };
}
