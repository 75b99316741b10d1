import type { VerifyToken } from '@flotilla/auth';
import { type Clock, collect } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { KeptState } from '../../kept-state.ts';
import type { AuthenticationProviderConfig } from './config.ts';
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
  configured: ReadonlyMap<string, AuthenticationProviderConfig>,
  { verifiers = {}, claimsVerifiers = {}, kept, clock, logger }: TokenProvidersDeps,
): ReadonlyMap<string, TokenProvider> {
  const providers = new Map<string, TokenProvider>();
  const onProblem = (provider: string, err: Error) =>
    logger.warn({ provider, err }, 'the signing keys could not be loaded');
  for (const [key, config] of configured) {
    const { keys } = config;
    if (keys.kind === 'api-keys') continue;
    const create = () => createTokenProvider(key, { ...config, keys }, { clock, fetchJwks, onProblem });
    providers.set(key, kept.of('provider', key, config, create));
  }
  for (const [key, verify] of Object.entries(claimsVerifiers)) providers.set(key, customProvider(verify));
  for (const [key, verify] of Object.entries(verifiers)) providers.set(key, principalProvider(verify));
  return providers;
}

const MAX_JWKS_BYTES = 1024 * 1024;

/** Loads a JWK set of at most 1 MiB; no redirect is followed. Throws when it is not had or is no JSON. */
export async function fetchJwks(url: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    throw new Error(`the key set was answered with ${answer.status}`);
  }
  const body = await collect(answer.body, MAX_JWKS_BYTES);
  if (body === undefined) throw new Error(`the key set has more than ${MAX_JWKS_BYTES} bytes`);
  return JSON.parse(body.toString()) as unknown;
}
