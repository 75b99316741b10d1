import type { Database } from '@flotilla/postgres';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import type { Tokens } from '../src/issuer.ts';
import { createValueSeal } from '../src/seal.ts';
import { createSessionCodec } from '../src/session.ts';
import { createSessionStore } from '../src/session-store.ts';
import { createSessions, SESSION_LIFETIMES, type Sessions } from '../src/sessions.ts';

const tokens = (turn: number, expiresInSeconds: number): Tokens => ({
  accessToken: `access ${turn}`,
  refreshToken: `refresh ${turn}`,
  expiresInSeconds,
});

/** One process of a front end. Its issuer gives the same successor to a token that comes again, as the shop's does. */
export function createReplica(db: Database) {
  const asked: string[] = [];
  const refresh = async (token: string) => {
    asked.push(token);
    return tokens(Number(token.split(' ')[1]) + 1, 300);
  };
  const sessions = createSessions({
    ...{ store: createSessionStore(db), refreshDb: db, issuer: { refresh } },
    codec: createSessionCodec(createValueSeal(Buffer.alloc(32, 7), 'session')),
    clock: { now: () => new Date() },
    ...{ lifetimes: SESSION_LIFETIMES, logger: silentLogger, metrics: createMetrics() },
  });
  const serve = async (id: string) => {
    const session = await sessions.find(id);
    return session && (await sessions.withToken(session))?.accessToken;
  };
  return { sessions, serve, asked };
}

/** The id of a new session whose access token is about to end. */
export function signedIn(sessions: Sessions): Promise<string> {
  return sessions.begin({ id: 'alice', name: 'Alice', email: null, tenantId: null }, 'sid', tokens(0, 1));
}
