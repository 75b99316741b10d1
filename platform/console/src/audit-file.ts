import { appendFile, readFile } from 'node:fs/promises';
import type { Audit, AuditRow } from './deps.ts';

/** A line of JSON for each change, readable by the owner of the data directory alone. A torn last line is left out. */
export function openAuditFile(path: string): Audit {
  return {
    add: async (row) => {
      await appendFile(path, `${JSON.stringify(row)}\n`, { mode: 0o600 });
    },
    list: async (limit) => {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      return text
        .split('\n')
        .flatMap((line) => rowOf(line) ?? [])
        .slice(-limit)
        .toReversed();
    },
  };
}

function rowOf(line: string): AuditRow | undefined {
  try {
    return JSON.parse(line) as AuditRow;
  } catch {
    return undefined;
  }
}
