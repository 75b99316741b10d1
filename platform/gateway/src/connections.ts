import { Pool } from 'undici';

/** Kept-alive connections to back ends, one pool for each origin. */
export interface Connections {
  to(origin: string): Pool;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 256;
const CONNECT_TIMEOUT_MS = 2_000;
const IDLE_CONNECTION_MS = 15_000;
const BODY_IDLE_MS = 30_000;
const MAX_RESPONSE_HEAD_BYTES = 32 * 1024;
const UNUSED_POOL_MS = 60_000;

/** Instances come and go with new ports, so pools that were not used for a minute are closed. */
export function createConnections(nowMs: () => number): Connections {
  const pools = new Map<string, { readonly pool: Pool; usedAtMs: number }>();
  const sweep = setInterval(() => {
    for (const [origin, { pool, usedAtMs }] of pools) {
      if (nowMs() - usedAtMs < UNUSED_POOL_MS || pool.stats.running > 0) continue;
      pools.delete(origin);
      void pool.destroy();
    }
  }, UNUSED_POOL_MS / 2).unref();

  return {
    to: (origin) => {
      const known = pools.get(origin);
      if (known !== undefined) {
        known.usedAtMs = nowMs();
        return known.pool;
      }
      const pool = new Pool(origin, {
        connections: MAX_CONNECTIONS,
        pipelining: 1,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        keepAliveTimeout: IDLE_CONNECTION_MS,
        headersTimeout: 0, // the request's own deadline ends it
        bodyTimeout: BODY_IDLE_MS,
        maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
      });
      pools.set(origin, { pool, usedAtMs: nowMs() });
      return pool;
    },
    close: async () => {
      clearInterval(sweep);
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
      pools.clear();
    },
  };
}
