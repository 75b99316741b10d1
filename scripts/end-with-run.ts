/**
 * Preloaded into every test process: it ends when the run that has started it does, however that ends, and so does what
 * it has started. The run holds the other end of its standard input and writes nothing to it. What a hanging test leaves
 * open must not keep the run either.
 */
/** Longer than a test may take. */
const LONGEST_LIFE_MS = 27 * 60_000;

// What a test forks is given this file as well, and an input of another kind.
if (process.argv[1]?.endsWith('.test.ts')) {
  // Not a socket of our own: whoever touches `process.stdin` later, as `import 'process'` does, would find the pipe taken.
  const run = process.stdin;
  run.on('error', () => process.exit(1));
  run.on('close', () => process.exit(1));
  run.resume().unref();
  setTimeout(() => {
    console.error(`${process.argv[1]} was still running after ${LONGEST_LIFE_MS / 60_000} minutes`);
    process.exit(1);
  }, LONGEST_LIFE_MS).unref();
}
