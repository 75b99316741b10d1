/**
 * Preloaded into every test process: it ends when the run that has started it does, however that ends, and so does what
 * it has started. The run holds the other end of its standard input and writes nothing to it.
 */
import { Socket } from 'node:net';

// What a test forks is given this file as well, and an input of another kind.
if (process.argv[1]?.endsWith('.test.ts')) {
  const run = new Socket({ fd: 0 });
  run.on('error', () => process.exit(1));
  run.on('close', () => process.exit(1));
  run.resume().unref();
}
