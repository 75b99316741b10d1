import { accepted, handle, noContent, problem, type RouteHandler } from '@flotilla/http';
import { addressOwner } from '@flotilla/kernel/addresses';
import * as contract from '@shop/contracts';
import { WEAKNESSES } from './domain/password-policy.ts';
import { type AskPasswordResetDeps, askPasswordReset } from './features/ask-password-reset.ts';
import { type ChangePasswordDeps, changePassword } from './features/change-password.ts';
import { type ResetPasswordDeps, resetPassword } from './features/reset-password.ts';
import {
  type AskEmailVerificationDeps,
  askEmailVerification,
  type VerifyEmailDeps,
  verifyEmail,
} from './features/verify-email.ts';
import { tooMany } from './too-many.ts';

export interface PasswordRoutes
  extends ChangePasswordDeps,
    AskPasswordResetDeps,
    ResetPasswordDeps,
    AskEmailVerificationDeps,
    VerifyEmailDeps {}

const INVALID_LINK = problem(
  422,
  'invalid-link',
  'The link was used, is too old, or was replaced by a newer one.',
);
const TOO_MANY_LINKS = 'Too many links were asked for. Wait before the next one.';

/** What somebody does about their own password and address. */
export function passwordRoutes(deps: PasswordRoutes): readonly RouteHandler[] {
  return [
    handle(contract.changePassword, async ({ principal, body, clientAddress, signal }) => {
      const request = { ...body, accountId: principal.subject, sessionId: principal.sessionId };
      const address = addressOwner(clientAddress);
      const outcome = await changePassword(deps, { ...request, address }, signal);
      if (outcome.ok) return noContent();
      const { rejection } = outcome;
      if (rejection.code === 'weak-password')
        return problem(422, 'weak-password', WEAKNESSES[rejection.weakness]);
      if (rejection.code === 'too-many-attempts')
        return tooMany('Too many failed attempts. Wait before the next one.', rejection.waitMs);
      if (rejection.code === 'not-found')
        return problem(404, 'not-found', 'There is no account behind this token.');
      return problem(403, rejection.code);
    }),

    handle(contract.askPasswordReset, async ({ body, clientAddress }) => {
      const asked = await askPasswordReset(deps, { ...body, address: addressOwner(clientAddress) });
      return asked.ok ? accepted(undefined) : tooMany(TOO_MANY_LINKS, asked.rejection);
    }),

    handle(contract.resetPassword, async ({ body, clientAddress, signal }) => {
      const outcome = await resetPassword(deps, { ...body, address: addressOwner(clientAddress) }, signal);
      if (outcome.ok) return noContent();
      const { rejection } = outcome;
      if (rejection.code === 'invalid-link') return INVALID_LINK;
      return problem(422, 'weak-password', WEAKNESSES[rejection.weakness]);
    }),

    handle(contract.askEmailVerification, async ({ principal }) => {
      const outcome = await askEmailVerification(deps, principal.subject);
      if (outcome.ok) return accepted(undefined);
      const { rejection } = outcome;
      if (rejection.code === 'too-many-attempts') return tooMany(TOO_MANY_LINKS, rejection.waitMs);
      return rejection.code === 'not-found'
        ? problem(404, 'not-found', 'There is no account behind this token.')
        : problem(409, 'already-verified', 'The address was confirmed before.');
    }),

    handle(contract.verifyEmail, async ({ body }) =>
      (await verifyEmail(deps, body.token)) ? noContent() : INVALID_LINK,
    ),
  ];
}
