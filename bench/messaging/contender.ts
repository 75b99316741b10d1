import type { PostgresServer } from '../postgres-server.ts';
import { type Program, startProgram } from '../program.ts';

/**
 * What lies in the database while something is measured: messages of another queue; messages of the measured one that
 * wait for another attempt; or parcels, numbered from 0, that are ready to be handled.
 */
export type Backlog = 'none' | 'other-queue' | 'same-queue-waiting' | 'ready';

/** One way to bring messages from one service to another. */
export interface Contender {
  readonly name: string;
  readonly ours: boolean;
  /** Makes fresh databases and says what the two programs need to know. */
  prepare(server: PostgresServer, round: number): Promise<Prepared>;
}

export interface Prepared {
  readonly publisher: { readonly file: string; readonly settings: object };
  readonly subscriber: { readonly file: string; readonly settings: object };
  /** Of a broker beside PostgreSQL. */
  readonly brokerPid?: number;
  /** Where the table `effect` is. */
  readonly effectDatabase: string;
  /** Puts rows into the queue, by SQL, once the programs have declared it. */
  fill?(backlog: Exclude<Backlog, 'none'>, rows: number): Promise<void>;
  /** Removes what was made. */
  drop(): Promise<void>;
}

export interface Pair {
  readonly publisher: Program;
  readonly subscriber: Program;
  readonly prepared: Prepared;
}

/** Both programs up, nothing begun; `work` decides the order. Everything is gone afterwards. */
export async function withContender<T>(
  { contender, server, round, profileFolder }: ContenderRun,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const prepared = await contender.prepare(server, round);
  const programs: Program[] = [];
  const start = async ({ file, settings }: Prepared['publisher']) => {
    const program = await startProgram(file, { settings, profileFolder });
    programs.push(program);
    return program;
  };
  try {
    const publisher = await start(prepared.publisher);
    const subscriber = await start(prepared.subscriber);
    return await work({ publisher, subscriber, prepared });
  } finally {
    for (const program of programs.reverse()) await program.stop();
    await prepared.drop();
  }
}

export interface ContenderRun {
  readonly contender: Contender;
  readonly server: PostgresServer;
  readonly round: number;
  readonly profileFolder?: string | undefined;
}
