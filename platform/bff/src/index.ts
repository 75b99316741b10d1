export { type Bff, type BffOptions, createBff } from './create-bff.ts';
export type { BffError, BffErrorCode } from './errors.ts';
export type { Guard, SessionHeaders } from './guard.ts';
export type { Upstream } from './proxy.ts';
export { browserHeaders, documentedBrowserHeaders, getSessionUser, logOutBrowser } from './routes.ts';
export type { Session, SessionLifetimes, Sessions, SessionUser } from './sessions.ts';
