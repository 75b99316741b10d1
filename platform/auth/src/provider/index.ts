export { type ClientSecrets, createClientSecrets } from './client-secrets.ts';
export { LIFETIMES, type Lifetimes } from './lifetimes.ts';
export {
  createLogoutNotices,
  type LogoutNotice,
  type LogoutNotices,
  type LogoutNoticesOptions,
} from './logout-notices.ts';
export { prune } from './pruning.ts';
export { createRecords, type RecordsOptions } from './records.ts';
export {
  createRefreshTokens,
  type RefreshRejection,
  type RefreshTokens,
  type RefreshTokensOptions,
  type Rotation,
} from './refresh-tokens.ts';
export {
  acceptEmptySecret,
  addressedToIssuer,
  addressOf,
  answeredByRedirect,
  type IssuerAddress,
  readForm,
} from './request.ts';
export { createSuccessors, decideUse, type SuccessorOf, type TokenUse } from './rotation.ts';
export { type Asker, createProviderScope, type ProviderScope } from './scope.ts';
export { createProviderCallback, type TransactionsOptions, useTransactions } from './serve.ts';
export {
  createSessions,
  type EndedSession,
  type EndReason,
  type Session,
  type Sessions,
  type SessionsOptions,
  type SessionUse,
} from './sessions.ts';
