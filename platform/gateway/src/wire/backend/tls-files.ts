import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly serverName?: string;
}

const LOOK_MS = 10_000;

/** Throws when one cannot be read, or when a key is not that of its certificate. */
export function readTlsFiles({ certFile, keyFile, caFile }: TlsFiles): SecureContext {
  return createSecureContext({
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
  });
}

/**
 * The context of files that may be exchanged: asked for each new connection, it looks at them every 10 s at most. While a pair does not
 * fit, as between the exchange of the one and the other, the context before stays in force; without one before it throws.
 */
export function createFileContext(files: TlsFiles, nowMs: () => number): () => SecureContext {
  const paths = [files.certFile, files.keyFile, files.caFile].filter((path) => path !== undefined);
  let context: SecureContext | undefined;
  let seen = '';
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (context !== undefined && nowMs() - lookedAtMs < LOOK_MS) return context;
    lookedAtMs = nowMs();
    try {
      const mark = paths.map(markOf).join('\n');
      if (context === undefined || mark !== seen) context = readTlsFiles(files);
      seen = mark;
    } catch (error) {
      if (context === undefined) throw error;
    }
    return context;
  };
}

function markOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${mtimeMs} ${size} ${ino}`;
}
