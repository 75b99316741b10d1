import { isPlatformError, toError, within } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { type ProblemReply, problem } from '../contract/reply.ts';
import { httpError } from '../errors.ts';

/** Resolves when a thing the service cannot work without is there; rejects with the reason otherwise. */
export type ReadinessCheck = () => Promise<void>;

const CHECK_TIMEOUT_MS = 1_000;

const tookTooLong = () => httpError('HTTP_NOT_READY', 'the check took too long', { retryable: true });

interface FailedCheck {
  readonly name: string;
  readonly error: unknown;
}

/** Runs all checks at once, each with a second to answer, and returns those that failed. */
export async function failedChecks(
  checks: Readonly<Record<string, ReadinessCheck>>,
): Promise<readonly FailedCheck[]> {
  const failed = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<FailedCheck | undefined> => {
      try {
        await within(CHECK_TIMEOUT_MS, check, { reason: tookTooLong });
        return undefined;
      } catch (error) {
        return { name, error };
      }
    }),
  );
  return failed.filter((one) => one !== undefined);
}

/** `undefined` when all is well. */
export async function checkReadiness(
  checks: Readonly<Record<string, ReadinessCheck>>,
  logger: Logger,
): Promise<ProblemReply | undefined> {
  const failed = await failedChecks(checks);
  if (failed.length === 0) return undefined;
  const errors = failed.map(({ name, error }) => {
    logger.warn({ check: name, err: toError(error) }, 'readiness check failed');
    return { path: name, message: isPlatformError(error) ? error.code : 'failed' };
  });
  const names = errors.map((one) => one.path).join(', ');
  return problem(503, 'not-ready', `Not ready: ${names}.`, { errors });
}

/** So many of the last answers are looked at, and so many must agree for a change. */
const REMEMBERED = 3;
const AGREEING = 2;
const SETTLING = problem(503, 'not-ready', 'It has just been missing something.');

/**
 * Readiness with hysteresis: one check that fails, or one that succeeds again, may mean nothing. Until a service has
 * been ready once the first good answer counts; after it two of the last three must agree for a change.
 */
export function createReadiness(check: () => Promise<ProblemReply | undefined>): typeof check {
  const recent: boolean[] = [];
  let isReady = false;
  let wasReady = false;
  return async () => {
    const refusal = await check();
    recent.push(refusal === undefined);
    if (recent.length > REMEMBERED) recent.shift();
    if (!wasReady) {
      isReady = refusal === undefined;
      wasReady = isReady;
    } else if (recent.filter((good) => good !== isReady).length >= AGREEING) {
      isReady = !isReady;
    }
    return isReady ? undefined : (refusal ?? SETTLING);
  };
}

/** Ready when the database answers a query. */
export function databaseReadiness(db: { query(sql: string): Promise<unknown> }): ReadinessCheck {
  return async () => {
    await db.query('SELECT 1');
  };
}
