export {
  type ClaimsVerifierOptions,
  createClaimsVerifier,
  type TokenClaims,
  type VerifyClaims,
} from './claims-verifier.ts';
export type { AuthErrorCode, InvalidReason } from './errors.ts';
export type { KeySource, VerificationKey } from './key-set.ts';
export {
  allOf,
  anyOf,
  authenticated,
  type Policy,
  requirePermission,
  requireRole,
  requireScope,
} from './policy.ts';
export type { Principal } from './principal.ts';
export { createRemoteKeys, createStaticKeys, type RemoteKeysOptions } from './remote-keys.ts';
export { createServiceTokens, type ServiceTokensOptions } from './service-tokens.ts';
export { createTokenVerifier, type TokenVerifierOptions, type VerifyToken } from './token-verifier.ts';
export { createVerifiedTokens, tokenKey, type VerifiedTokens } from './verified-tokens.ts';
