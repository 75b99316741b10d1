import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { timestamp } from './common.ts';

/** What identity has to tell the owner of an account by mail. The notification service writes the letters. */

const recipient = {
  userId: s.string({ minLength: 1, maxLength: 64, examples: ['01935f3e-0000-7000-8000-000000000001'] }),
  email: s.string({ format: 'email', maxLength: 254, 'x-pii': true, examples: ['dana@example.com'] }),
  name: s.string({ minLength: 1, maxLength: 200, 'x-pii': true, examples: ['Dana'] }),
};

/** Opens an account: for the mail alone, never for a log. */
const link = {
  link: s.string({
    format: 'uri',
    maxLength: 2_000,
    'x-pii': true,
    description: 'Works once, until `expiresAt`, and not when a newer one was asked for.',
  }),
  expiresAt: timestamp,
};

export const passwordResetAsked = defineMessage({
  type: 'identity.password-reset-asked.v1',
  description: 'Somebody who may be the owner of an account wants to choose a new password.',
  key: ({ userId }) => userId,
  schema: s.object({ ...recipient, ...link }),
});

export const emailVerificationAsked = defineMessage({
  type: 'identity.email-verification-asked.v1',
  description: 'The owner of an account has yet to show that its e-mail address is theirs.',
  key: ({ userId }) => userId,
  schema: s.object({ ...recipient, ...link }),
});

export const passwordChanged = defineMessage({
  type: 'identity.password-changed.v1',
  description: 'The password of an account was changed, by its owner or by the link of a mail.',
  key: ({ userId }) => userId,
  schema: s.object({ ...recipient, changedAt: timestamp }),
});

export const secondFactorChanged = defineMessage({
  type: 'identity.second-factor-changed.v1',
  description: 'Signing in to an account takes a code of an app from now on, or takes none any more.',
  key: ({ userId }) => userId,
  schema: s.object({ ...recipient, isOn: s.boolean(), changedAt: timestamp }),
});

export const passkeyChanged = defineMessage({
  type: 'identity.passkey-changed.v1',
  description: 'Somebody signs in to an account with one more passkey from now on, or with one less.',
  key: ({ userId }) => userId,
  schema: s.object({
    ...recipient,
    passkey: s.string({ minLength: 1, maxLength: 100, examples: ['Chrome on Linux'] }),
    isAdded: s.boolean(),
    changedAt: timestamp,
  }),
});

export const signedInElsewhere = defineMessage({
  type: 'identity.signed-in-elsewhere.v1',
  description:
    'Somebody signed in from a device or an address that the account has not been used from lately.',
  key: ({ userId }) => userId,
  schema: s.object({
    ...recipient,
    device: s.nullable(s.string({ maxLength: 100, examples: ['Firefox on Linux'] })),
    address: s.nullable(s.string({ maxLength: 64, 'x-pii': true, examples: ['192.0.2.7'] })),
    signedInAt: timestamp,
  }),
});
