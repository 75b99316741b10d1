import { createHash, randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

/** Generated secrets by name, the same in every run on one data directory. */
export interface Secrets {
  /** 32 random bytes in base64, made at the first use of the name. */
  get(name: string): string;
  /** Writes what is new. */
  save(): Promise<void>;
}

/** Reads the file of mode 0600 that holds them. */
export async function openSecrets(file: string): Promise<Secrets> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const held = new Map(Object.entries(JSON.parse(text) as Record<string, string>));
  let changed = false;
  return {
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
      // Renamed into place: a crash must not leave half of them, the data would be out of reach.
      await writeFile(`${file}.new`, `${JSON.stringify(Object.fromEntries(held), null, 2)}\n`, {
        mode: 0o600,
        flush: true,
      });
      await rename(`${file}.new`, file);
      changed = false;
    },
  };
}

export function sha256Hex(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
