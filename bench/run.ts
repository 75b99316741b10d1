/** `npm run bench -- <name>`: runs one benchmark and prints its figures. Results and method: bench/README.md. */
const benchmarks: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<void> }>>> = {
  'event-store': () => import('./event-store.ts'),
  messaging: () => import('./messaging.ts'),
  saga: () => import('./saga.ts'),
  shop: () => import('./shop.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
const load = benchmarks[name];
if (load) {
  await (await load()).run(args);
} else {
  console.error(
    `usage: npm run bench -- <name> [options]\nbenchmarks: ${Object.keys(benchmarks).join(', ')}`,
  );
  process.exitCode = 2;
}
