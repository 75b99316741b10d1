import { anyUser } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { retryAfterHeader } from './common.ts';

const password = s.string({ maxLength: 1_024, examples: ['alice-password'] });

/** Six digits of the app, or a recovery code. */
export const secondFactorCode = s.string({ minLength: 1, maxLength: 40, examples: ['123456'] });

const refusals = {
  403: { codes: ['wrong-password', 'wrong-code', 'account-disabled'] },
  404: { codes: ['not-found'] },
  429: { codes: ['too-many-attempts'], headers: retryAfterHeader },
};

export const getSecondFactor = defineRoute({
  operationId: 'getSecondFactor',
  method: 'GET',
  path: '/me/second-factor',
  summary: 'Whether signing in takes more than the password',
  access: anyUser,
  responses: {
    200: s.named(
      'SecondFactor',
      s.object({
        isOn: s.boolean({ description: 'The password is not enough: there is an app, or a passkey.' }),
        hasApp: s.boolean(),
        passkeys: s.integer({ minimum: 0 }),
        recoveryCodesLeft: s.integer({ minimum: 0 }),
      }),
    ),
  },
});

export const beginSecondFactor = defineRoute({
  operationId: 'beginSecondFactor',
  method: 'POST',
  path: '/me/second-factor',
  summary: 'Make the secret of an authenticator app; it counts once a code of it was shown',
  access: anyUser,
  body: s.object({ password, code: s.optional(secondFactorCode) }),
  responses: {
    201: s.named(
      'SecondFactorEnrolment',
      s.object({
        secret: s.string({ description: 'Base32, to be typed in.' }),
        uri: s.string({ description: '`otpauth:` address, for a QR code.' }),
      }),
    ),
  },
  problems: {
    ...refusals,
    // For an account with passkeys and no app: a recovery code.
    403: { codes: [...refusals[403].codes, 'second-factor-required'] },
    409: { codes: ['second-factor-on'] },
  },
});

export const confirmSecondFactor = defineRoute({
  operationId: 'confirmSecondFactor',
  method: 'POST',
  path: '/me/second-factor/confirm',
  summary: 'Show a code of the app: from now on signing in takes one',
  access: anyUser,
  body: s.object({ code: secondFactorCode }),
  responses: {
    200: s.named(
      'RecoveryCodes',
      s.object({ recoveryCodes: s.array(s.string(), { description: 'Each works once; shown this once.' }) }),
    ),
  },
  problems: { 422: { codes: ['wrong-code'] } },
});

export const removeSecondFactor = defineRoute({
  operationId: 'removeSecondFactor',
  method: 'POST',
  path: '/me/second-factor/remove',
  summary: 'Sign in without a code of an app again',
  access: anyUser,
  body: s.object({ password, code: secondFactorCode }),
  responses: { 204: null },
  problems: refusals,
});
