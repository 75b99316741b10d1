import type { RefreshTokens, Sessions } from '@flotilla/auth/provider';
import { accept, type NewId, type Result, reject } from '@flotilla/kernel';
import type { Database } from '@flotilla/postgres';
import { type AccessToken, type AccessTokens, PASSWORD_CLIENT } from '../access-tokens.ts';
import {
  type AuthenticateDeps,
  authenticate,
  type Credentials,
  type LogInRejection,
} from './authenticate.ts';
import { type TellOfSignInDeps, tellOfSignIn } from './tell-of-sign-in.ts';

export interface Tokens extends AccessToken {
  readonly refreshToken: string;
}

export interface LogInDeps extends AuthenticateDeps, TellOfSignInDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
}

/** Exchanges a password for the tokens of a new session. */
export async function logIn(
  deps: LogInDeps,
  credentials: Credentials & { readonly device: string | undefined },
  signal: AbortSignal,
): Promise<Result<Tokens, LogInRejection>> {
  const checked = await authenticate(deps, credentials, signal);
  if (!checked.ok) return checked;
  const account = checked.value;
  const place = { device: credentials.device, address: credentials.address };
  const sessionId = deps.newId();
  const session = {
    id: sessionId,
    accountId: account.id,
    clientIds: [PASSWORD_CLIENT],
    ...place,
  };
  const refreshToken = await deps.db.transaction(async (tx) => {
    // The password was changed since it was checked.
    if (!(await deps.accounts.holds(tx, account.id, account.version))) return undefined;
    await tellOfSignIn(deps, tx, account, place);
    await deps.sessions.use(tx, session);
    return await deps.refreshTokens.issue(tx, sessionId, { amr: account.amr });
  });
  if (refreshToken === undefined) return reject({ code: 'invalid-credentials' });
  const { accessToken, expiresIn } = await deps.accessTokens.forAccount(account, sessionId, account.amr);
  return accept({ accessToken, expiresIn, refreshToken });
}
