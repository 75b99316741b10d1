import type { Command } from '../command-line/command.ts';
import { type IssuerVerb, issuerVerb } from './issuer/issuer-verb.ts';

/** Users, their sessions and applications: tasks of the service that issues tokens, each with the action in front. */
function group(
  name: string,
  summary: string,
  verbs: Readonly<Record<string, Omit<IssuerVerb, 'name' | 'task' | 'action'>>>,
): Command {
  return {
    name,
    summary,
    commands: Object.entries(verbs).map(([action, verb]) =>
      issuerVerb({ ...verb, name: action, task: name, action }),
    ),
  };
}

const ALICE = 'alice@example.com';

export const users: Command = group('users', 'who has an account', {
  list: { summary: 'the newest 200', isChange: false, example: 'users list --json' },
  find: {
    summary: 'by a part of address or name',
    takes: 'text',
    isChange: false,
    example: 'users find alice',
  },
  show: { summary: 'one, by address or id', takes: 'user', isChange: false, example: `users show ${ALICE}` },
  disable: {
    ...{
      summary: 'ends every session; nobody signs in to it until it is enabled',
      takes: 'user',
      isChange: true,
    },
    example: `users disable ${ALICE} --reason 'asked by phone'`,
  },
  enable: {
    ...{ summary: 'takes a disable back', takes: 'user', isChange: true },
    example: `users enable ${ALICE} --reason 'a mistake'`,
  },
  'send-reset': {
    ...{ summary: 'mails a link to choose a new password', takes: 'user', isChange: true },
    example: `users send-reset ${ALICE} --reason 'asked by phone'`,
  },
  'remove-second-factor': {
    ...{ summary: 'for who has lost phone, passkeys and recovery codes', takes: 'user', isChange: true },
    example: `users remove-second-factor ${ALICE} --reason 'showed a passport'`,
  },
});

export const sessions: Command = group('sessions', 'where users are signed in', {
  list: { summary: 'those of a user', takes: 'user', isChange: false, example: `sessions list ${ALICE}` },
  end: {
    ...{ summary: 'one, with all tokens of it', takes: 'session', isChange: true },
    example: "sessions end 0198c8f2-5b7e-7c11-9d0a-3f6a2b1c4d5e --reason 'a lost phone'",
  },
  'end-all': {
    ...{ summary: 'every one of a user', takes: 'user', isChange: true },
    example: `sessions end-all ${ALICE} --reason 'a lost phone'`,
  },
});

export const clients: Command = group('clients', 'applications that may use the OpenID provider', {
  list: { summary: 'all, with how many secrets hold', isChange: false, example: 'clients list' },
  show: { summary: 'one', takes: 'client', isChange: false, example: 'clients show web-app' },
  'rotate-secret': {
    ...{ summary: 'a new secret, shown once; those before hold for a day', takes: 'client', isChange: true },
    example: "clients rotate-secret web-app --reason 'once a year'",
  },
  'replace-secret': {
    ...{ summary: 'the same, but those before end at once', takes: 'client', isChange: true },
    example: "clients replace-secret web-app --reason 'it was in a log'",
  },
});
