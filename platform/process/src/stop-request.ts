import type { Logger } from '@flotilla/telemetry';

export type StopReason = 'SIGTERM' | 'SIGINT' | 'disconnect';

const HARD_LIMIT_MS: Readonly<Record<StopReason, number>> = {
  SIGTERM: 20_000,
  SIGINT: 20_000,
  disconnect: 5_000,
};

/**
 * Resolves when the process is asked to end: by a signal, or because the supervisor is gone. The same signal
 * twice ends it at once (Ctrl-C reaches the whole group, so SIGINT and then SIGTERM is one request). Whatever
 * happens afterwards, the process is gone within 20 s, within 5 s of losing its supervisor.
 */
export function whenAskedToStop(logger: Logger): Promise<StopReason> {
  return new Promise((resolve) => {
    const seen = new Set<StopReason>();
    const ask = (reason: StopReason) => {
      if (seen.has(reason)) process.exit(1);
      seen.add(reason);
      const limitMs = HARD_LIMIT_MS[reason];
      setTimeout(() => {
        logger.error({ reason, limitMs }, 'the service did not end in time');
        process.exit(1);
      }, limitMs).unref();
      resolve(reason);
    };
    process.on('SIGTERM', () => ask('SIGTERM'));
    process.on('SIGINT', () => ask('SIGINT'));
    if (process.send) process.on('disconnect', () => ask('disconnect'));
  });
}
