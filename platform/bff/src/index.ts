export { type Bff, type BffOptions, createBff } from './create-bff.ts';
export type { BffError, BffErrorCode } from './errors.ts';
export { type Gathered, type GatherOptions, gather, type Part } from './gather.ts';
export { type Guard, type SessionHeaders, UNAUTHORIZED } from './guard.ts';
export type { Upstream } from './proxy.ts';
export type { Session, SessionUser } from './session.ts';
export type { SessionLifetimes, Sessions } from './sessions.ts';
