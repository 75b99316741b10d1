import type { VerifyToken } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { KeptState } from '../../kept-state.ts';
import type { GatewayConfig } from '../../model.ts';
import { fetchJwks } from './fetch-jwks.ts';
import {
  createTokenProvider,
  customProvider,
  principalProvider,
  type TokenProvider,
  type VerifyTokenClaims,
} from './providers.ts';

interface TokenProvidersDeps {
  readonly verifiers?: Readonly<Record<string, VerifyToken>>;
  readonly claimsVerifiers?: Readonly<Record<string, VerifyTokenClaims>>;
  readonly kept: KeptState;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Those of the configuration, with their keys and verified tokens over a reload, and those given in code, which win. */
export function createTokenProviders(
  configured: GatewayConfig['authenticationProviders'],
  { verifiers = {}, claimsVerifiers = {}, kept, clock, logger }: TokenProvidersDeps,
): ReadonlyMap<string, TokenProvider> {
  const providers = new Map<string, TokenProvider>();
  const onProblem = (provider: string, err: Error) =>
    logger.warn({ provider, err }, 'the signing keys could not be loaded');
  for (const [key, config] of configured)
    providers.set(
      key,
      kept.of('provider', key, config, () =>
        createTokenProvider(key, config, { clock, fetchJwks, onProblem }),
      ),
    );
  for (const [key, verify] of Object.entries(claimsVerifiers)) providers.set(key, customProvider(verify));
  for (const [key, verify] of Object.entries(verifiers)) providers.set(key, principalProvider(verify));
  return providers;
}
