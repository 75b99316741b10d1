import { toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { ConsulClient } from './consul-client.ts';
import { createKnowledge, type Knowledge } from './knowledge.ts';
import type { ReadHealthOptions } from './read-health.ts';

export interface ServiceAnswersDeps extends ReadHealthOptions {
  readonly client: ConsulClient;
  readonly logger: Logger;
  /** Length of one question that waits. */
  readonly waitSeconds: number;
  /** Longest a question takes that does not wait for a change. */
  readonly firstAnswerTimeoutMs: number;
  readonly nowMs: () => number;
}

/** What the registry has said of one service, and whether it says anything at the moment. */
export interface ServiceAnswers {
  readonly knowledge: Omit<Knowledge, 'learn'>;
  /** Aborted = the registry has said something, ever. */
  readonly heard: AbortSignal;
  /** Of the last answer. */
  readonly answeredAtMs: number;
  /** Questions in a row without an answer, and why the last had none. */
  readonly failures: number;
  readonly lastFailure: Error | undefined;
  /** Resolves with the index to ask with next: 0 = do not wait. Rejects without an answer: tell it to `failed`. */
  ask(index: bigint, signal: AbortSignal): Promise<bigint>;
  failed(error: unknown): void;
}

export function createServiceAnswers(deps: ServiceAnswersDeps): ServiceAnswers {
  const { service, client, logger, firstAnswerTimeoutMs: timeoutMs, nowMs } = deps;
  const knowledge = createKnowledge(nowMs);
  const heard = new AbortController();
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let lastFailure: Error | undefined;
  let failures = 0;

  return {
    knowledge,
    heard: heard.signal,
    get answeredAtMs() {
      return answeredAtMs;
    },
    get failures() {
      return failures;
    },
    get lastFailure() {
      return lastFailure;
    },
    ask: async (index, signal) => {
      const answer = await client.healthy({ ...deps, index, signal, timeoutMs });
      if (failures > 0) logger.info({ service, failures }, 'the registry answers again');
      const isComplete = knowledge.learn(answer, { isAfterOutage: failures > 0 });
      failures = 0;
      lastFailure = undefined;
      answeredAtMs = nowMs();
      heard.abort();
      return isComplete ? answer.index : 0n;
    },
    failed: (error) => {
      lastFailure = toError(error);
      if (failures === 0) logger.warn({ service, err: lastFailure }, 'the registry cannot be reached');
      failures += 1;
    },
  };
}
