import type { RefreshTokens, Sessions } from '@flotilla/auth/provider';
import { accept, type NewId, type Result } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { type AccessToken, type AccessTokens, PASSWORD_CLIENT } from '../access-tokens.ts';
import {
  type AuthenticateDeps,
  authenticate,
  type Credentials,
  type LogInRejection,
} from './authenticate.ts';

export interface Tokens extends AccessToken {
  readonly refreshToken: string;
}

export interface LogInDeps extends AuthenticateDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
}

/** Exchanges a password for the tokens of a new session. */
export async function logIn(
  deps: LogInDeps,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Result<Tokens, LogInRejection>> {
  const checked = await authenticate(deps, credentials, signal);
  if (!checked.ok) return checked;
  const account = checked.value;
  const sessionId = deps.newId();
  const session = {
    id: sessionId,
    accountId: account.id,
    clientIds: [PASSWORD_CLIENT],
    address: credentials.address,
  };
  const refreshToken = await deps.db.transaction(async (tx) => {
    await deps.sessions.use(tx, session);
    return await deps.refreshTokens.issue(tx, sessionId);
  });
  const { accessToken, expiresIn } = await deps.accessTokens.forAccount(account, sessionId);
  return accept({ accessToken, expiresIn, refreshToken });
}
