import type { Static } from '@flotilla/kernel';
import type {
  emailVerificationAsked,
  passwordChanged,
  passwordResetAsked,
  signedInElsewhere,
} from '@shop/contracts';
import { letter, type Mail, oneLine } from './mails.ts';

/** What identity tells the owner of an account. None of it can be unsubscribed from. */

export function resetMail(asked: Static<(typeof passwordResetAsked)['schema']>): Mail {
  return {
    to: asked.email,
    subject: 'Choose a new password',
    text: letter(asked.name, [
      'Somebody asked for a new password of your account. With this link you choose one:',
      asked.link,
      `It works once, until ${moment(asked.expiresAt)}. If it was not you, you can ignore this mail: your password stays as it is.`,
    ]),
  };
}

export function verificationMail(asked: Static<(typeof emailVerificationAsked)['schema']>): Mail {
  return {
    to: asked.email,
    subject: 'Confirm your e-mail address',
    text: letter(asked.name, [
      'Please confirm that this address is yours:',
      asked.link,
      `The link works until ${moment(asked.expiresAt)}. If you have no account with us, you can ignore this mail.`,
    ]),
  };
}

export function passwordChangedMail(changed: Static<(typeof passwordChanged)['schema']>): Mail {
  return {
    to: changed.email,
    subject: 'Your password was changed',
    text: letter(changed.name, [
      `The password of your account was changed on ${moment(changed.changedAt)}. Everybody who was signed in elsewhere is signed out.`,
      'If it was not you, choose a new one now: at the sign-in, follow "Forgotten your password?".',
    ]),
  };
}

export function signedInElsewhereMail(signedIn: Static<(typeof signedInElsewhere)['schema']>): Mail {
  const { device, address } = signedIn;
  const lines = [
    `  ${moment(signedIn.signedInAt)}`,
    ...(device === null ? [] : [`  ${oneLine(device)}`]),
    ...(address === null ? [] : [`  from ${oneLine(address)}`]),
  ];
  return {
    to: signedIn.email,
    subject: 'A new sign-in to your account',
    text: letter(signedIn.name, [
      'Your account was signed in to from a device or a place that we have not seen lately:',
      lines.join('\n'),
      'If it was you, there is nothing to do. If not, change your password: that signs everybody else out.',
    ]),
  };
}

/** `2026-12-01 10:30 UTC`. */
function moment(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
