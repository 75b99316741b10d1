import type { Static } from '@flotilla/kernel';
import type {
  emailVerificationAsked,
  passkeyChanged,
  passwordChanged,
  passwordResetAsked,
  secondFactorChanged,
  signedInElsewhere,
} from '@shop/contracts';
import { type Language, moment } from './language.ts';
import { type Mail, paragraph, wordsOf, writeMail } from './letter.ts';

/** What identity tells the owner of an account. None of it can be unsubscribed from. */

export function resetMail(asked: Static<(typeof passwordResetAsked)['schema']>, language: Language): Mail {
  return linkMail(asked, wordsOf(language).reset, language);
}

export function verificationMail(
  asked: Static<(typeof emailVerificationAsked)['schema']>,
  language: Language,
): Mail {
  return linkMail(asked, wordsOf(language).verify, language);
}

interface LinkAsked {
  readonly email: string;
  readonly name: string;
  readonly link: string;
  readonly expiresAt: string;
}

/** The link stands on a line of its own, where mail programs find it. */
function linkMail(
  { email, name, link, expiresAt }: LinkAsked,
  words: { readonly subject: string; readonly before: string; after(until: string): string },
  language: Language,
): Mail {
  const blocks = [
    paragraph(words.before),
    { kind: 'link', url: link } as const,
    paragraph(words.after(moment(expiresAt))),
  ];
  return writeMail({ to: email, name, subject: words.subject, blocks }, language);
}

export function passwordChangedMail(
  { email, name, changedAt }: Static<(typeof passwordChanged)['schema']>,
  language: Language,
): Mail {
  const { subject, when, otherwise } = wordsOf(language).passwordChanged;
  const blocks = [paragraph(when(moment(changedAt))), paragraph(otherwise)];
  return writeMail({ to: email, name, subject, blocks }, language);
}

export function secondFactorMail(
  { email, name, isOn, changedAt }: Static<(typeof secondFactorChanged)['schema']>,
  language: Language,
): Mail {
  const { on, off, otherwise } = wordsOf(language).secondFactor;
  const { subject, since } = isOn ? on : off;
  const blocks = [paragraph(since(moment(changedAt))), paragraph(otherwise)];
  return writeMail({ to: email, name, subject, blocks }, language);
}

export function passkeyMail(
  { email, name, passkey, isAdded, changedAt }: Static<(typeof passkeyChanged)['schema']>,
  language: Language,
): Mail {
  const { added, removed } = wordsOf(language).passkey;
  const { subject, since, otherwise } = isAdded ? added : removed;
  const blocks = [paragraph(since(moment(changedAt), passkey)), paragraph(otherwise)];
  return writeMail({ to: email, name, subject, blocks }, language);
}

export function signedInElsewhereMail(
  signedIn: Static<(typeof signedInElsewhere)['schema']>,
  language: Language,
): Mail {
  const { email, name, device, address, signedInAt } = signedIn;
  const words = wordsOf(language).signedIn;
  const lines = [
    moment(signedInAt),
    ...(device === null ? [] : [device]),
    ...(address === null ? [] : [words.from(address)]),
  ];
  const blocks = [paragraph(words.before), { kind: 'lines', lines } as const, paragraph(words.after)];
  return writeMail({ to: email, name, subject: words.subject, blocks }, language);
}
