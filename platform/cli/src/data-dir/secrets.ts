import { createHash, randomBytes } from 'node:crypto';
import { readIfPresent, writeWhole } from '@flotilla/kernel/files';
import { cliError } from '../errors.ts';

/** Generated secrets by name, the same in every run on one data directory. */
export interface Secrets {
  /** 32 random bytes in base64, made at the first use of the name. */
  get(name: string): string;
  /** None were ever made here, or the file that held them is lost. */
  readonly areNew: boolean;
  /** Writes what is new. */
  save(): Promise<void>;
}

/** Reads the file of mode 0600 that holds them. Fails with `CLI_SECRETS_UNREADABLE` when there is one that does not. */
export async function openSecrets(file: string): Promise<Secrets> {
  const text = await readIfPresent(file);
  const held = new Map(text === undefined ? [] : Object.entries(parseSecrets(file, text)));
  let changed = false;
  return {
    areNew: text === undefined,
    get: (name) => {
      const present = held.get(name);
      if (present !== undefined) return present;
      const secret = randomBytes(32).toString('base64');
      held.set(name, secret);
      changed = true;
      return secret;
    },
    save: async () => {
      if (!changed) return;
      // A crash must not leave half of them: the data would be out of reach.
      await writeWhole(file, `${JSON.stringify(Object.fromEntries(held), null, 2)}\n`);
      changed = false;
    },
  };
}

function parseSecrets(file: string, text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecordOfText(parsed)) return parsed;
  } catch {
    // Said below, without the text that a parser quotes.
  }
  throw cliError(
    'CLI_SECRETS_UNREADABLE',
    `${file} does not hold the secrets of this system any more: restore it from a backup; without it the data cannot be used, and \`flotilla down --reset\` begins afresh. Nothing was changed`,
  );
}

function isRecordOfText(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => typeof one === 'string' && one !== '');
}

export function sha256Hex(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
