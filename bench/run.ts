/** `npm run bench -- <name>`: runs one benchmark and prints its figures. Results and method: bench/README.md. */
import { installPeers } from './install-peers.ts';

interface Benchmark {
  /** Are there others to compare with? They are installed when they are first needed. */
  readonly withPeers: boolean;
  load(): Promise<{ run(args: readonly string[]): Promise<void> }>;
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  'before-after': { withPeers: false, load: () => import('./before-after.ts') },
  bff: { withPeers: false, load: () => import('./bff.ts') },
  discovery: { withPeers: false, load: () => import('./discovery.ts') },
  identity: { withPeers: true, load: () => import('./identity.ts') },
  gateway: { withPeers: true, load: () => import('./gateway.ts') },
  'event-store': { withPeers: false, load: () => import('./event-store.ts') },
  messaging: { withPeers: true, load: () => import('./messaging.ts') },
  pricing: { withPeers: false, load: () => import('./pricing.ts') },
  resilience: { withPeers: true, load: () => import('./resilience.ts') },
  saga: { withPeers: true, load: () => import('./saga.ts') },
  telemetry: { withPeers: true, load: () => import('./telemetry.ts') },
  strangler: { withPeers: false, load: () => import('./strangler.ts') },
  shop: { withPeers: false, load: () => import('./shop.ts') },
};

const [name = '', ...args] = process.argv.slice(2);
const benchmark = benchmarks[name];
if (benchmark) {
  if (benchmark.withPeers) installPeers();
  await (await benchmark.load()).run(args);
} else {
  console.error(
    `usage: npm run bench -- <name> [options]\nbenchmarks: ${Object.keys(benchmarks).join(', ')}`,
  );
  process.exitCode = 2;
}
