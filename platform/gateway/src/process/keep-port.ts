import type { Worker } from 'node:cluster';
import { forkProgram } from './fork-program.ts';

/** The process that holds a port while there is nobody to serve on it. */
export interface PortKeeper {
  /** Once a worker listens: the socket is then the same. */
  hold(): void;
  readonly worker: Worker | undefined;
}

export interface KeptPort {
  readonly host: string;
  readonly port: number;
}

/** The socket goes with the last process that has it, and with the socket whoever waits to be accepted. */
export function createPortKeeper(address: KeptPort): PortKeeper {
  let worker: Worker | undefined;
  return {
    hold: () => {
      if (worker !== undefined) return;
      const started = forkProgram('port-keeper', 'pipe'); // the pipe ends with this process
      worker = started;
      started.once('online', () => started.send(address));
      started.once('exit', () => {
        worker = undefined;
      });
    },
    get worker() {
      return worker;
    },
  };
}
