import type { Session } from '@flotilla/auth/provider';
import { created, handle, noContent, ok, problem, type RouteHandler } from '@flotilla/http';
import { addressOwner } from '@flotilla/kernel/addresses';
import * as contract from '@shop/contracts';
import { WEAKNESSES } from './domain/password-policy.ts';
import type { LogInRejection } from './features/authenticate.ts';
import { endSession, endSessions } from './features/end-sessions.ts';
import { issueServiceToken, type ServiceTokenDeps } from './features/issue-service-token.ts';
import { type LogInDeps, logIn, type Tokens } from './features/log-in.ts';
import { logOut } from './features/log-out.ts';
import { type RefreshDeps, refresh } from './features/refresh.ts';
import { type SignUpDeps, signUp } from './features/sign-up.ts';
import { type PasswordRoutes, passwordRoutes } from './http-passwords.ts';
import { secondFactorRoutes } from './http-second-factor.ts';
import { deviceOf } from './oidc/asker.ts';
import type { SigningKeys } from './signing-keys.ts';
import { tooMany } from './too-many.ts';

export interface IdentityRoutes extends SignUpDeps, LogInDeps, RefreshDeps, ServiceTokenDeps, PasswordRoutes {
  readonly keys: Pick<SigningKeys, 'jwks'>;
}

const NOT_STORED = { 'cache-control': 'no-store' };
/** Browsers may read them from anywhere: they are public. */
const JWKS_HEADERS = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' };

/** The routes of the identity service, and which status each outcome has. */
export function identityRoutes(deps: IdentityRoutes): readonly RouteHandler[] {
  return [
    handle(contract.signUp, async ({ body, clientAddress, signal }) => {
      const address = addressOwner(clientAddress);
      const outcome = await signUp(deps, { ...body, address }, signal);
      if (outcome.ok) {
        const { id, email, name } = outcome.value;
        return created({ id, email, name });
      }
      const { rejection } = outcome;
      if (rejection.code === 'email-taken')
        return problem(409, 'email-taken', 'There is an account with this e-mail address.');
      if (rejection.code === 'weak-password')
        return problem(422, 'weak-password', WEAKNESSES[rejection.weakness]);
      return tooMany(
        'Too many accounts were created from your network. Wait before the next one.',
        rejection.waitMs,
      );
    }),

    handle(contract.logIn, async ({ body, headers, clientAddress, signal }) => {
      const from = { address: addressOwner(clientAddress), device: deviceOf(headers['user-agent']) };
      const outcome = await logIn(deps, { ...body, ...from }, signal);
      if (outcome.ok) return replyTokens(outcome.value);
      return logInProblem(outcome.rejection);
    }),

    handle(contract.refreshTokens, async ({ body }) => {
      const outcome = await refresh(deps, body.refreshToken);
      return outcome.ok ? replyTokens(outcome.value) : problem(401, outcome.rejection, 'Log in again.');
    }),

    handle(contract.logOut, async ({ body }) => {
      await logOut(deps, body.refreshToken);
      return noContent();
    }),

    ...sessionRoutes(deps),
    ...passwordRoutes(deps),
    ...secondFactorRoutes(deps),

    handle(contract.getJwks, async () => ok(deps.keys.jwks(), JWKS_HEADERS)),

    handle(contract.issueServiceToken, async ({ body }) => {
      const outcome = await issueServiceToken(deps, body);
      if (outcome.ok) return ok(outcome.value, NOT_STORED);
      return problem(outcome.rejection === 'invalid-client' ? 401 : 400, outcome.rejection);
    }),
  ];
}

/** Where the caller is signed in. Of a service, and of somebody without sessions, the list is empty. */
function sessionRoutes(deps: IdentityRoutes): readonly RouteHandler[] {
  return [
    handle(contract.listSessions, async ({ principal }) => {
      const sessions = await deps.sessions.list(principal.subject);
      const items = sessions.map((session) => toView(session, principal.sessionId));
      return ok({ items }, NOT_STORED);
    }),

    handle(contract.endSession, async ({ principal, params }) => {
      const ended = await endSession(deps, { accountId: principal.subject, sessionId: params.id });
      return ended ? noContent() : problem(404, 'not-found', 'You have no such session.');
    }),

    handle(contract.endSessions, async ({ principal, query }) => {
      const kept = query.keep === 'current' ? principal.sessionId : undefined;
      await endSessions(deps, { accountId: principal.subject, kept });
      return noContent();
    }),
  ];
}

function logInProblem(rejection: LogInRejection) {
  switch (rejection.code) {
    case 'invalid-credentials':
      return problem(401, rejection.code, 'The e-mail address or the password is wrong.');
    case 'second-factor-required':
      return problem(401, rejection.code, 'Send the code of your authenticator app along as `code`.');
    case 'wrong-code':
      return problem(401, rejection.code, 'The code is wrong, too old, or was used before.');
    case 'account-disabled':
      return problem(403, rejection.code, 'This account is disabled.');
    case 'too-many-attempts':
      return tooMany('Too many failed attempts. Wait before the next one.', rejection.waitMs);
  }
}

function toView(session: Session, currentId: string | undefined) {
  const { id, device = null, address = null, clientIds, createdAt, lastUsedAt, expiresAt } = session;
  return {
    id,
    isCurrent: id === currentId,
    device,
    address,
    clients: clientIds,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}

function replyTokens({ accessToken, expiresIn, refreshToken }: Tokens) {
  return ok({ accessToken, tokenType: 'Bearer' as const, expiresIn, refreshToken }, NOT_STORED);
}
