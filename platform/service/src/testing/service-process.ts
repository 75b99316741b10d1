import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment, eventually } from '@flotilla/kernel/testing';

/** A service as the process that it is in a system. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Resolves with the signal that ended it, or with its exit code. */
  ended(): Promise<NodeJS.Signals | number | null>;
}

/**
 * Starts a service's `main.ts` and resolves when it is ready, which is later than that it serves: until then it may put its callers
 * off. Resolves, too, when it has ended after it served. `env` is added to what any process of a test gets.
 */
export async function startServiceProcess(
  main: string,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...childEnvironment(), LOG_LEVEL: 'error', ...env },
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (message === null || typeof message !== 'object')
    throw new Error(`${main} ended before it served: ${message}`);
  const { url } = message as { readonly url: string };
  await eventually('it is ready', async () => hasEnded() || (await fetch(`${url}/health/ready`)).ok);
  return {
    ...{ child, url },
    ended: async () => {
      if (!hasEnded()) await once(child, 'exit');
      return child.signalCode ?? child.exitCode;
    },
  };
}
