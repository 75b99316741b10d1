import cluster, { type Worker } from 'node:cluster';
import { extname, join } from 'node:path';

/** A program of this folder as a process that shares the ports of the others. */
export function forkProgram(name: 'worker' | 'port-keeper', stdin: 'inherit' | 'pipe'): Worker {
  cluster.schedulingPolicy = cluster.SCHED_NONE; // each accepts for itself: no process in between
  cluster.setupPrimary({
    // Beside this file and of its kind: the source here, compiled code in a published package.
    exec: join(import.meta.dirname, `${name}${extname(import.meta.filename)}`),
    args: [],
    stdio: [stdin, 'inherit', 'inherit', 'ipc'],
  });
  return cluster.fork();
}
