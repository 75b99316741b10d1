import type { Timers } from '../../time/timers.ts';
import type { BackendCall, BackendClient, Origin, ResponseSink } from './backend-call.ts';
import { createHttp1Pool } from './http1/pool.ts';
import { createHttp2Pool } from './http2/pool.ts';
import { createNegotiatedPool } from './negotiated-pool.ts';
import type { OriginPool } from './pool.ts';

export interface BackendLimits {
  /** An idle connection is kept so long. Default 15,000, below what back ends usually keep theirs. */
  readonly idleMs?: number;
  /** Exchanges that may wait for a connection of one origin. Default 1,024. */
  readonly maxWaiting?: number;
}

/**
 * The connections to all back ends. An origin's are opened when they are needed and closed after a time of
 * disuse, so there are never more than are in use.
 */
export function createBackendClient({
  timers,
  limits,
}: {
  timers: Timers;
  limits?: BackendLimits;
}): BackendClient {
  const { idleMs = 15_000, maxWaiting = 1_024 } = limits ?? {};
  const readBuffer = Buffer.allocUnsafeSlow(65_536);
  const pools = new Map<string, OriginPool>();
  let isClosed = false;

  return {
    send: (origin, request, sink) => {
      if (isClosed) return refuse(sink);
      const pool = pools.get(origin.key) ?? createPool(origin);
      return pool.send(request, sink);
    },
    stats: () => [...pools].map(([key, pool]) => ({ key, ...pool.stats() })),
    close: async () => {
      isClosed = true;
      for (const pool of pools.values()) pool.close();
      pools.clear();
    },
  };

  function createPool(origin: Origin): OriginPool {
    const onUnused = () => pools.delete(origin.key);
    const pool = createPoolOf[origin.protocol]({
      origin,
      timers,
      idleMs,
      maxWaiting,
      onUnused,
      readBuffer,
    });
    pools.set(origin.key, pool);
    return pool;
  }
}

const createPoolOf = { '1.1': createHttp1Pool, '2': createHttp2Pool, '2-or-lower': createNegotiatedPool };

function refuse(sink: ResponseSink): BackendCall {
  let isOver = false;
  process.nextTick(() => {
    if (!isOver) sink.error({ progress: 'not-sent', reason: 'closed' });
  });
  return {
    pause: () => {},
    resume: () => {},
    abort: () => {
      isOver = true;
    },
  };
}
