import type { RefreshTokens, Sessions } from '@flotilla/auth/provider';
import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import type { AccessTokens } from '../access-tokens.ts';
import type { AccountStore } from '../account-store.ts';
import type { Account } from '../domain/account.ts';
import type { Methods } from '../domain/assurance.ts';
import type { Tokens } from './log-in.ts';

export interface RefreshDeps {
  readonly db: Database;
  readonly accounts: AccountStore;
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  readonly logger: Logger;
}

interface Refreshed {
  readonly account: Account;
  readonly sessionId: string;
  readonly refreshToken: string;
  /** Of the login; not known of those before it was written down. */
  readonly amr: Methods | undefined;
}

/** New tokens for a refresh token. Name, role and permissions are read anew from the account. */
export async function refresh(
  deps: RefreshDeps,
  refreshToken: string,
): Promise<Result<Tokens, 'invalid-refresh-token'>> {
  crashPoint('identity.before-refresh');
  const refreshed = await deps.db.transaction((tx) => exchange(deps, tx, refreshToken));
  crashPoint('identity.after-refresh');
  if (refreshed === undefined) return reject('invalid-refresh-token');
  const { account, sessionId, refreshToken: successor, amr } = refreshed;
  const { accessToken, expiresIn } = await deps.accessTokens.forAccount(account, sessionId, amr);
  return accept({ accessToken, expiresIn, refreshToken: successor });
}

async function exchange(
  { accounts, sessions, refreshTokens, logger }: RefreshDeps,
  tx: Transaction,
  refreshToken: string,
): Promise<Refreshed | undefined> {
  const rotation = await refreshTokens.rotate(tx, refreshToken);
  if (!rotation.ok) {
    if (rotation.rejection.kind === 'invalid') return undefined;
    const { sessionId } = rotation.rejection;
    await sessions.end(tx, sessionId, 'replayed');
    logger.warn({ sessionId }, 'used refresh token came again: session ended');
    return undefined;
  }
  const { sessionId, refreshToken: successor, facts } = rotation.value;
  const amr = Array.isArray(facts['amr']) ? facts['amr'].map(String) : undefined;
  const accountId = await sessions.touch(tx, sessionId);
  const account = accountId === undefined ? undefined : await accounts.find(accountId, tx);
  return account && !account.isDisabled ? { account, sessionId, refreshToken: successor, amr } : undefined;
}
