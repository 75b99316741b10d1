import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { toError } from '@flotilla/kernel';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificates {
  readonly cert: string;
  readonly key: string;
}

interface WatchDeps {
  readonly files: CertificateFiles;
  /** Throws when they do not fit; those before stay in force then. */
  readonly use: (certificates: Certificates) => void;
  readonly onUsed: () => void;
  readonly onProblem: (error: Error) => void;
  /** Default 10,000: certificates are exchanged weeks before they end. */
  readonly pollMs?: number;
}

/** Rejects a pair that does not fit. `node:tls` would take an empty file, which is one that is being written, and then fail every handshake. */
export async function readCertificates({ certFile, keyFile }: CertificateFiles): Promise<Certificates> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the private key is not that of the certificate');
  return { cert, key };
}

/**
 * Puts exchanged certificates in force for new connections. The two files change one after the other: a pair that does not fit is tried
 * again when it has changed once more.
 */
export function watchCertificates({ files, use, onUsed, onProblem, pollMs = 10_000 }: WatchDeps): () => void {
  let seen: string | undefined;
  let isLooking = false;

  async function look(): Promise<void> {
    const mark = await markOf(files);
    if (mark === seen) return;
    const isFirst = seen === undefined;
    seen = mark;
    if (isFirst) return; // what the listener was opened with
    use(await readCertificates(files));
    onUsed();
  }

  const lookOnce = () => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => onProblem(toError(error)))
      .finally(() => {
        isLooking = false;
      });
  };
  lookOnce();
  const timer = setInterval(lookOnce, pollMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function markOf({ certFile, keyFile }: CertificateFiles): Promise<string> {
  const [cert, key] = await Promise.all([stat(certFile), stat(keyFile)]);
  return [cert.mtimeMs, cert.size, cert.ino, key.mtimeMs, key.size, key.ino].join(' ');
}
