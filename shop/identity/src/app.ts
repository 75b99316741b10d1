import { createTokenVerifier, type VerifyToken } from '@flotilla/auth';
import type { RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { Logger } from '@flotilla/telemetry';
import { createAccessTokens } from './access-tokens.ts';
import { createAccountStore } from './account-store.ts';
import { createCommonPasswords } from './common-passwords.ts';
import { seedDemoAccounts } from './demo-accounts.ts';
import type { ServiceClients } from './features/issue-service-token.ts';
import { createHashSlots } from './hash-slots.ts';
import { identityRoutes } from './http.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createSeal } from './seal.ts';
import { createSignUpPace } from './sign-up-pace.ts';
import { openSigningKeys, type SigningKeys } from './signing-keys.ts';

export interface IdentityDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly newId: NewId;
  /** `iss` of every token. */
  readonly issuer: string;
  readonly audience: string;
  /** 32 bytes that seal the signing keys in the database; the successors of refresh tokens are derived with them. */
  readonly keyEncryptionKey: Buffer;
  readonly serviceClients: ServiceClients;
  readonly accountTokenSeconds: number;
  /** Create the demo accounts that are missing. */
  readonly demo: boolean;
  readonly passwords?: Passwords;
}

export interface IdentityApp {
  readonly handlers: readonly RouteHandler[];
  readonly verifyToken: VerifyToken;
  readonly keys: SigningKeys;
}

export async function createIdentityApp(deps: IdentityDeps): Promise<IdentityApp> {
  const { db, clock, newId, issuer, audience, accountTokenSeconds } = deps;
  const accounts = createAccountStore(db);
  const passwords = deps.passwords ?? createPasswords();
  if (deps.demo) await seedDemoAccounts(db, accounts, passwords, clock.now());
  const keys = await openSigningKeys({ db, seal: createSeal(deps.keyEncryptionKey), clock });

  const handlers = identityRoutes({
    ...deps,
    accounts,
    passwords,
    commonPasswords: createCommonPasswords(),
    keys,
    logInSlots: createHashSlots({ concurrent: 2, queued: 256 }),
    signUpSlots: createHashSlots({ concurrent: 1, queued: 64 }),
    signUpPace: createSignUpPace(db),
    throttle: createLoginThrottle(db),
    accessTokens: createAccessTokens({ keys, issuer, audience, clock, newId, accountTokenSeconds }),
    refreshTokens: createRefreshTokens({ db, newId, key: deps.keyEncryptionKey }),
    clients: deps.serviceClients,
  });
  const verifyToken = createTokenVerifier({ issuer, audience, algorithms: ['ES256'], keys, clock });
  return { handlers, verifyToken, keys };
}
