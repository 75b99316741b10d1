import { accept, crashPoint, type Result, reject } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { AccessTokens } from '../access-tokens.ts';
import type { AccountStore } from '../account-store.ts';
import type { RefreshTokens } from '../refresh-tokens.ts';
import type { Tokens } from './log-in.ts';

export interface RefreshDeps {
  readonly accounts: AccountStore;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
  readonly logger: Logger;
}

/** New tokens for a refresh token. Name, role and permissions are read anew from the account. */
export async function refresh(
  deps: RefreshDeps,
  refreshToken: string,
): Promise<Result<Tokens, 'invalid-refresh-token'>> {
  crashPoint('identity.before-refresh');
  const rotation = await deps.refreshTokens.rotate(refreshToken);
  crashPoint('identity.after-refresh');
  if (!rotation.ok) {
    if (rotation.rejection.kind === 'replayed')
      deps.logger.warn(
        { familyId: rotation.rejection.familyId },
        'used refresh token came again: family revoked',
      );
    return reject('invalid-refresh-token');
  }
  const account = await deps.accounts.find(rotation.value.accountId);
  if (!account) return reject('invalid-refresh-token');
  const { accessToken, expiresIn } = await deps.accessTokens.forAccount(account);
  return accept({ accessToken, expiresIn, refreshToken: rotation.value.refreshToken });
}
