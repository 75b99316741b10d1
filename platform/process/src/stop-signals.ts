import type { Logger } from '@flotilla/telemetry';
import { EXIT_STATUS } from './exit-status.ts';

export type StopReason = 'SIGTERM' | 'SIGINT' | 'disconnect';

const HARD_LIMIT_MS = 20_000;
const ALONE_LIMIT_MS = 5_000;

/**
 * Resolves when the process is asked to end: by a signal, or because its supervisor is gone. SIGINT twice ends it at
 * once: somebody at a keyboard does not want to wait. SIGTERM is sent by programs, and by several of them: a service
 * manager that signals a whole group, and the supervisor in it. However often it comes it is one request, and who does
 * not want to wait has SIGKILL. Whatever happens afterwards, the process is gone within `limitMs` (20 s), within 5 s of
 * losing its supervisor.
 */
export function whenAskedToStop(logger: Logger, limitMs: number = HARD_LIMIT_MS): Promise<StopReason> {
  return new Promise((resolve) => {
    const seen = new Set<StopReason>();
    const ask = (reason: StopReason) => {
      if (reason === 'SIGINT' && seen.has(reason)) process.exit(EXIT_STATUS.fault);
      if (seen.has(reason)) return;
      seen.add(reason);
      const lastsMs = reason === 'disconnect' ? ALONE_LIMIT_MS : limitMs;
      setTimeout(() => {
        logger.error({ reason, limitMs: lastsMs }, 'the process did not end in time');
        process.exit(EXIT_STATUS.fault);
      }, lastsMs).unref();
      resolve(reason);
    };
    process.on('SIGTERM', () => ask('SIGTERM'));
    process.on('SIGINT', () => ask('SIGINT'));
    if (process.send) process.on('disconnect', () => ask('disconnect'));
  });
}
