export { type Credentials, identifyCaller, ON_BEHALF_OF } from './caller.ts';
export {
  type ClaimsVerifierOptions,
  createClaimsVerifier,
  type TokenClaims,
  type VerifyClaims,
} from './claims-verifier.ts';
export { type AuthErrorCode, type InvalidReason, revocationsUnavailable } from './errors.ts';
export { createExchangedTokens, type ExchangedTokensOptions } from './exchanged-tokens.ts';
export type { KeySource, VerificationKey } from './key-set.ts';
export {
  type Access,
  allOf,
  anyOf,
  anyUser,
  authenticated,
  calledBy,
  isOwner,
  isSameTenant,
  type Owned,
  type Policy,
  requireAccess,
  requirePermission,
  requireRole,
  requireScope,
} from './policy.ts';
export { actingFor, isServiceAlone, onBehalfOf, type Principal, serviceAudience } from './principal.ts';
export { createRemoteKeys, createStaticKeys, type RemoteKeysOptions } from './remote-keys.ts';
export {
  createRevocations,
  type Revocation,
  type Revocations,
  type RevocationsOptions,
} from './revocations.ts';
export { createSeal, type Seal } from './seal.ts';
export { createServiceTokens, type ServiceTokensOptions } from './service-tokens.ts';
export {
  type Admission,
  admitTokens,
  createTokenVerifier,
  type TokenVerifierOptions,
  type VerifyToken,
} from './token-verifier.ts';
export { createVerifiedTokens, tokenKey, type VerifiedTokens } from './verified-tokens.ts';
