import { appendFileSync } from 'node:fs';
import { armCrashPoint, watchCrashPoints } from '@flotilla/kernel';
import type { ServiceEnvironment } from './service-environment.ts';

/** What a test wants to go wrong in this process, and to know about it. Nothing at all unless its environment says so. */
export function armFaults(service: string, env: ServiceEnvironment): void {
  armCrashPoint(env.crashPoint, () => process.kill(process.pid, 'SIGKILL'));
  const { crashTrace } = env;
  // Written at once: the next thing to happen may be the end of this process. One line is one atomic append.
  if (crashTrace !== undefined)
    watchCrashPoints((name) => appendFileSync(crashTrace, `${service} ${name}\n`));
}
