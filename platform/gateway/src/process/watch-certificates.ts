import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { toError } from '@flotilla/kernel';
import type { Certificate, ServerCredentials } from '../wire/client/credentials.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM files. */
export interface CredentialFiles extends CertificateFiles {
  /** Shown to clients that ask for their names. */
  readonly more?: readonly CertificateFiles[];
  /** Authorities of client certificates. */
  readonly clientCaFile?: string;
}

interface WatchDeps {
  readonly files: CredentialFiles;
  /** Throws when they do not fit; those before stay in force then. */
  readonly use: (credentials: ServerCredentials) => void;
  readonly onUsed: () => void;
  readonly onProblem: (error: Error) => void;
  /** Default 10,000: certificates are exchanged weeks before they end. */
  readonly pollMs?: number;
}

/** Rejects a pair that does not fit. `node:tls` would take an empty file, which is one that is being written, and then fail every handshake. */
export async function readCredentials(files: CredentialFiles): Promise<ServerCredentials> {
  const { more = [], clientCaFile } = files;
  const [first, others, clientCa] = await Promise.all([
    readCertificate(files),
    Promise.all(more.map(readCertificate)),
    clientCaFile === undefined ? undefined : readAuthorities(clientCaFile),
  ]);
  return { ...first, ...(others.length > 0 && { more: others }), ...(clientCa && { clientCa }) };
}

async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the private key is not that of the certificate');
  return { cert, key };
}

async function readAuthorities(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8');
  new X509Certificate(pem); // throws unless there is one
  return pem;
}

/**
 * Puts exchanged certificates in force for new connections. Files change one after the other: a pair that does not fit is tried
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
    use(await readCredentials(files));
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

async function markOf({ more = [], clientCaFile, ...first }: CredentialFiles): Promise<string> {
  const paths = [first, ...more].flatMap(({ certFile, keyFile }) => [certFile, keyFile]);
  if (clientCaFile !== undefined) paths.push(clientCaFile);
  const stats = await Promise.all(paths.map((path) => stat(path)));
  return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join('\n');
}
