import { anyUser } from '@flotilla/auth';
import { defineRoute } from '@flotilla/http';
import * as s from '@flotilla/kernel/schema';
import { ONE_LINE, retryAfterHeader } from './common.ts';
import { secondFactorCode } from './identity-second-factor.ts';

const password = s.string({ maxLength: 1_024, examples: ['seven green bicycles'] });
/** From a mail. */
const linkToken = s.string({
  minLength: 1,
  maxLength: 100,
  description: '`token` of the link in the mail.',
  examples: ['n0IqvVLIAiaYgQ2x7cAc3yfN1F4gRfgWmvQl6cQyY2c'],
});
const tooMany = { codes: ['too-many-attempts'], headers: retryAfterHeader };

export const changePassword = defineRoute({
  operationId: 'changePassword',
  method: 'POST',
  path: '/me/password',
  summary: 'Change the password; every other session ends',
  access: anyUser,
  body: s.object({
    currentPassword: s.string({ maxLength: 1_024, examples: ['alice-password'] }),
    newPassword: password,
    code: s.optional(secondFactorCode),
  }),
  responses: { 204: null },
  problems: {
    403: { codes: ['wrong-password', 'account-disabled', 'second-factor-required', 'wrong-code'] },
    404: { codes: ['not-found'] },
    422: { codes: ['weak-password'] },
    429: tooMany,
  },
});

export const askPasswordReset = defineRoute({
  operationId: 'askPasswordReset',
  method: 'POST',
  path: '/auth/forgot-password',
  summary:
    'Have a link to choose a new password sent; the answer is the same whether there is such an account or not',
  access: 'public',
  body: s.object({ email: s.string({ maxLength: 254, pattern: ONE_LINE, examples: ['alice@example.com'] }) }),
  responses: { 202: null },
  problems: { 429: tooMany },
});

export const resetPassword = defineRoute({
  operationId: 'resetPassword',
  method: 'POST',
  path: '/auth/reset-password',
  summary: 'Choose a new password with the link of a mail; every session ends',
  access: 'public',
  body: s.object({ token: linkToken, password }),
  responses: { 204: null },
  problems: { 422: { codes: ['invalid-link', 'weak-password'] } },
});

export const askEmailVerification = defineRoute({
  operationId: 'askEmailVerification',
  method: 'POST',
  path: '/me/email-verification',
  summary: "Have a link sent that confirms the account's e-mail address",
  access: anyUser,
  responses: { 202: null },
  problems: { 404: { codes: ['not-found'] }, 409: { codes: ['already-verified'] }, 429: tooMany },
});

export const verifyEmail = defineRoute({
  operationId: 'verifyEmail',
  method: 'POST',
  path: '/auth/verify-email',
  summary: 'Confirm an e-mail address with the link of a mail',
  access: 'public',
  body: s.object({ token: linkToken }),
  responses: { 204: null },
  problems: { 422: { codes: ['invalid-link'] } },
});
