import { authenticated } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { ONE_LINE, retryAfterHeader, timestamp } from './common.ts';
import { secondFactorCode } from './identity-second-factor.ts';

const email = s.string({ format: 'email', maxLength: 254, 'x-pii': true, examples: ['dana@example.com'] });
const name = s.string({ minLength: 1, maxLength: 200, 'x-pii': true, examples: ['Dana'] });
const chosenName = s.string({
  minLength: 1,
  maxLength: 200,
  pattern: ONE_LINE,
  'x-pii': true,
  examples: ['Dana'],
});
const userSchema = s.named('User', s.object({ id: s.string(), email, name }));

export const signUpBody = s.object({
  email,
  password: s.string({ maxLength: 1_024, examples: ['seven green bicycles'] }),
  name: chosenName,
});

export const signUp = defineRoute({
  operationId: 'signUp',
  method: 'POST',
  path: '/users',
  summary: 'Create an account',
  access: 'public',
  body: signUpBody,
  responses: { 201: userSchema },
  problems: {
    409: { codes: ['email-taken'] },
    422: { codes: ['weak-password'] },
    429: { codes: ['too-many-attempts'], headers: retryAfterHeader },
  },
});

/** What the list of sessions calls a device by. */
const fromDevice = s.object({ 'user-agent': s.optional(s.string()) });

const tokensSchema = s.named(
  'Tokens',
  s.object({
    accessToken: s.string(),
    tokenType: s.literal('Bearer'),
    expiresIn: s.integer({ description: 'Seconds the access token is valid.', examples: [600] }),
    refreshToken: s.string(),
  }),
);

export const logIn = defineRoute({
  operationId: 'logIn',
  method: 'POST',
  path: '/auth/login',
  summary: 'Exchange e-mail and password for tokens',
  access: 'public',
  headers: fromDevice,
  documentedHeaders: s.object({}),
  body: s.object({
    email: s.string({ maxLength: 254, pattern: ONE_LINE, examples: ['alice@example.com'] }),
    password: s.string({ maxLength: 1_024, examples: ['alice-password'] }),
    code: s.optional(secondFactorCode),
  }),
  responses: { 200: tokensSchema },
  problems: {
    401: { codes: ['invalid-credentials', 'second-factor-required', 'wrong-code'] },
    403: { codes: ['account-disabled'] },
    429: { codes: ['too-many-attempts'], headers: retryAfterHeader },
  },
});

const refreshBody = s.object({ refreshToken: s.string({ minLength: 1, maxLength: 512 }) });

export const refreshTokens = defineRoute({
  operationId: 'refreshTokens',
  method: 'POST',
  path: '/auth/refresh',
  summary: 'Exchange a refresh token for new tokens; the old one is used up',
  access: 'public',
  body: refreshBody,
  responses: { 200: tokensSchema },
  problems: { 401: { codes: ['invalid-refresh-token'] } },
});

export const logOut = defineRoute({
  operationId: 'logOut',
  method: 'POST',
  path: '/auth/logout',
  summary: 'Revoke a refresh token and all tokens of its family',
  access: 'public',
  body: refreshBody,
  responses: { 204: null },
});

const sessionSchema = s.named(
  'Session',
  s.object({
    id: s.string(),
    isCurrent: s.boolean({ description: 'The session of the token that this was asked with.' }),
    device: s.nullable(s.string({ examples: ['Firefox on Linux'] })),
    address: s.nullable(s.string({ 'x-pii': true, examples: ['192.0.2.7'] })),
    clients: s.array(s.string({ examples: ['web-app'] }), { description: 'What was signed in to by it.' }),
    createdAt: timestamp,
    lastUsedAt: timestamp,
    expiresAt: timestamp,
  }),
);

export const listSessions = defineRoute({
  operationId: 'listSessions',
  method: 'GET',
  path: '/me/sessions',
  summary: 'Where the caller is signed in, the newest first',
  access: authenticated,
  responses: { 200: s.named('Sessions', s.object({ items: s.array(sessionSchema) })) },
});

export const endSession = defineRoute({
  operationId: 'endSession',
  method: 'DELETE',
  path: '/me/sessions/:id',
  summary: 'Sign out of one session',
  access: authenticated,
  params: s.object({
    id: s.string({ minLength: 1, maxLength: 64, examples: ['01935f3e-0000-7000-8000-0000000000a1'] }),
  }),
  responses: { 204: null },
  problems: { 404: { codes: ['not-found'] } },
});

export const endSessions = defineRoute({
  operationId: 'endSessions',
  method: 'DELETE',
  path: '/me/sessions',
  summary: 'Sign out everywhere, also here unless `keep=current`',
  access: authenticated,
  query: s.object({ keep: s.optional(s.oneOf(['current'])) }),
  responses: { 204: null },
});

export const getJwks = defineRoute({
  operationId: 'getJwks',
  method: 'GET',
  path: '/identity/jwks',
  summary: 'The public keys that verify access tokens',
  access: 'public',
  responses: { 200: s.object({ keys: s.array(s.record(s.anything())) }) },
});

/** Client credentials between services. Not routed by the gateway. */
export const issueServiceToken = defineRoute({
  operationId: 'issueServiceToken',
  method: 'POST',
  path: '/internal/token',
  summary: 'A short-lived token for a service',
  access: 'public',
  body: s.object({
    clientId: s.string({ minLength: 1, maxLength: 100 }),
    clientSecret: s.string({ minLength: 1, maxLength: 512 }),
    scope: s.string({ maxLength: 1_000, description: 'Scopes, separated by spaces.' }),
  }),
  responses: { 200: s.object({ accessToken: s.string(), expiresIn: s.integer() }) },
  problems: { 401: { codes: ['invalid-client'] } },
});

export const userRegistered = defineMessage({
  type: 'user.registered.v1',
  description: 'Somebody created an account.',
  key: (user) => user.userId,
  schema: s.object({ userId: s.string(), email, name, registeredAt: s.optional(timestamp) }),
});

const userId = s.string({ minLength: 1, maxLength: 64, examples: ['01935f3e-0000-7000-8000-000000000001'] });

/**
 * A login is over: its access tokens are refused from now on wherever this is read, before they expire. Tokens carry the
 * session's id as `sid`.
 */
export const sessionEnded = defineMessage({
  type: 'identity.session-ended.v1',
  description: 'A session ended: signed out, expired, revoked, or its refresh token was stolen.',
  key: (ended) => ended.userId,
  schema: s.object({
    userId,
    sessionId: s.optional(
      s.string({
        minLength: 1,
        maxLength: 64,
        description:
          '`sid` of the tokens that ended. Without it all sessions of the user ended: tokens with an `iat` up to `endedAt`.',
      }),
    ),
    endedAt: timestamp,
    reason: s.string({
      description: 'signed-out, expired, revoked, replayed, password-changed, account-disabled, …',
    }),
  }),
});

/**
 * What tokens say about a user is no longer so. Sessions go on unless a session-ended event says otherwise: their next
 * token has what is true now.
 */
export const accountChanged = defineMessage({
  type: 'identity.account-changed.v1',
  description: 'Role, tenant, permissions, password or status of an account changed.',
  key: (changed) => changed.userId,
  schema: s.object({
    userId,
    changedAt: s.string({
      format: 'date-time',
      description: 'Access tokens of the user with an `iat` up to the second of this are out of date.',
    }),
    change: s.string({ description: 'role, tenant, permissions, password, disabled, enabled, erased, …' }),
  }),
});
