import cluster, { type Worker } from 'node:cluster';
import type { HeldPort } from './hold-port.ts';

/** The process that holds a port while there is nobody to serve on it. */
export interface PortKeeper {
  /** Once a worker listens: the socket is then the same. */
  hold(): void;
  readonly worker: Worker | undefined;
}

/** The socket goes with the last process that has it, and with the socket whoever waits to be accepted. */
export function createPortKeeper({ host, port }: HeldPort['holds']): PortKeeper {
  let worker: Worker | undefined;
  return {
    hold: () => {
      if (worker !== undefined) return;
      const started = cluster.fork();
      worker = started;
      started.once('online', () => started.send({ holds: { host, port } } satisfies HeldPort));
      started.once('exit', () => {
        worker = undefined;
      });
    },
    get worker() {
      return worker;
    },
  };
}
