import type { Command } from '../command-line/command.ts';
import { issuerVerb } from './issuer/issuer-verb.ts';

export const keys: Command = {
  name: 'keys',
  summary: 'the keys that sign tokens',
  commands: [
    issuerVerb({
      name: 'rotate',
      summary: 'makes new signing keys, which are published long before they sign: nobody is refused',
      task: 'rotate-keys',
      isChange: true,
      example: "keys rotate --reason 'once a year'",
    }),
  ],
};
