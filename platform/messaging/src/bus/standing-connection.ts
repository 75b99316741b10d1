import { type Clock, type Loop, startLoop, toError } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';

export type Connection = Awaited<ReturnType<Database['connect']>>;

export interface StandingConnectionOptions {
  readonly name: string;
  readonly db: Database;
  /** Prepares a fresh connection; it is in use once this resolves. */
  readonly setUp: (connection: Connection) => Promise<void>;
  /** A round of work on the connection; `true` for another one at once. Runs after each `wake` too. */
  readonly run?: (connection: Connection) => Promise<boolean>;
  /** One that was in use has broken. */
  readonly onLost?: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One connection outside the pool that is replaced whenever it breaks. */
export interface StandingConnection {
  isOpen(): boolean;
  wake(): void;
  close(): Promise<void>;
}

export function keepConnection(options: StandingConnectionOptions): StandingConnection {
  const { name, db, setUp, run = async () => false, onLost, clock, logger } = options;
  let current: Connection | undefined;
  let closed = false;

  async function open(): Promise<Connection> {
    const connection = await db.connect();
    const drop = () => {
      const wasInUse = current === connection;
      if (wasInUse) current = undefined;
      if (closed) return;
      if (wasInUse) onLost?.();
      loop.wake();
    };
    connection.on('error', (error) => {
      logger.debug({ err: error, connection: name }, 'a standing connection broke, it is replaced');
      drop();
    });
    connection.on('end', drop);
    try {
      await setUp(connection);
      return connection;
    } catch (error) {
      await end(connection);
      throw error;
    }
  }

  async function round(): Promise<boolean> {
    current ??= await open();
    return await run(current);
  }

  async function end(connection: Connection): Promise<void> {
    await connection.end().catch((error: unknown) => {
      logger.debug({ err: toError(error), connection: name }, 'a standing connection was already gone');
    });
  }

  const loop: Loop = startLoop({ name, run: round, intervalMs: 60_000, clock, logger });

  return {
    isOpen: () => current !== undefined,
    wake: loop.wake,
    close: async () => {
      closed = true;
      await loop.stop();
      if (current) await end(current);
    },
  };
}
