import { createHash } from 'node:crypto';
import type { Timers } from '../../time/timers.ts';
import {
  BUDGET_SCRIPT,
  type BudgetScript,
  createSharedAdmission,
  type SharedBudgets,
} from './shared-budgets.ts';

export interface RedisBudgetsOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. */
  readonly url: string;
  readonly timers: Timers;
  readonly nowMs: () => number;
  /** How long one admission may take before this process counts by itself. Default 100, plus a tick. */
  readonly timeoutMs?: number;
  /** How long Redis is left alone after it failed. Default 1,000. */
  readonly awayMs?: number;
  /** Told when Redis goes away, with the reason, and when it is back. */
  readonly onState: (state: 'away' | 'back', error: Error | undefined) => void;
}

type Redis = typeof import('@redis/client');
type RedisClient = ReturnType<Redis['createClient']>;

const SCRIPT_SHA = createHash('sha1').update(BUDGET_SCRIPT).digest('hex');
const CONNECT_TIMEOUT_MS = 2_000;
const PING_INTERVAL_MS = 5_000;
/** A connection that is silent for so long, pings included, is given up. */
const SILENCE_MS = 15_000;
const MAX_RECONNECT_DELAY_MS = 2_000;
const MAX_QUEUED = 10_000;

/**
 * Budgets in Redis, exact over all replicas. Returns at once and connects by itself, again and again; until it
 * is connected, and whenever it fails, `admit` says so and the caller counts on. The client library is loaded
 * here and nowhere else.
 */
export function connectRedisBudgets(options: RedisBudgetsOptions): SharedBudgets {
  const { url, timers, nowMs, timeoutMs = 100, awayMs = 1_000, onState } = options;
  let client: RedisClient | undefined;
  let isClosed = false;

  async function connect(): Promise<void> {
    const redis = await import('@redis/client');
    if (isClosed) return;
    client = createQuietClient(redis, url);
    await client.connect();
  }
  const connecting = connect().catch(() => undefined); // every admission tells by itself that there is no client

  const script: BudgetScript = {
    run: (key, args) => {
      if (client?.isReady !== true) return Promise.reject(new Error('Redis is not connected'));
      return inTime(evaluate(client, key, args), timeoutMs, timers);
    },
  };
  return {
    ...createSharedAdmission({ script, nowMs, awayMs, onState }),
    close: async () => {
      isClosed = true;
      client?.destroy();
      await connecting;
    },
  };
}

function createQuietClient({ createClient }: Redis, url: string): RedisClient {
  const created = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED,
    pingInterval: PING_INTERVAL_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries) => Math.min(MAX_RECONNECT_DELAY_MS, 50 * 2 ** Math.min(retries, 10)),
    },
  });
  created.on('error', () => undefined); // the admissions that fail for it tell, once
  return created as RedisClient;
}

async function evaluate(client: RedisClient, key: string, args: readonly string[]): Promise<unknown> {
  const options = { keys: [key], arguments: [...args] };
  try {
    return await client.evalSha(SCRIPT_SHA, options);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return client.eval(BUDGET_SCRIPT, options); // which also keeps it
  }
}

/** The client's own timeouts end when a command is written; a server that hangs needs this one. */
function inTime<T>(work: Promise<T>, timeoutMs: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(timeoutMs, () => reject(new Error(`Redis did not answer in ${timeoutMs} ms`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
