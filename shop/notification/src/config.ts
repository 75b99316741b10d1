import { accept, reject } from '@flotilla/kernel';
import { type Environment, optional, readEnvironment, type Setting } from '@flotilla/process';
import { BUS_SETTINGS, DATABASE_SETTINGS } from '@flotilla/service';

/** An address, with or without a name: `Shop <shop@example.com>`. */
const SENDER = /^([^<>@\r\n]+ <[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/;

const sender: Setting<string> = {
  read: (value = 'Flotilla shop <shop@flotilla.example>') =>
    SENDER.test(value) ? accept(value) : reject('must be an e-mail address, like "Shop <shop@example.com>"'),
};

/** Holds a password more often than not. */
const smtpUrl: Setting<string> = {
  read: (value = '') =>
    /^smtps?:\/\/[^/]/.test(value) && URL.canParse(value)
      ? accept(value)
      : reject('must be an smtp or smtps URL'),
  secret: true,
};

const SETTINGS = {
  ...DATABASE_SETTINGS,
  ...BUS_SETTINGS,
  SMTP_URL: optional(smtpUrl),
  MAIL_FROM: sender,
};

export function readConfig(env: Environment) {
  return readEnvironment(env, SETTINGS);
}
