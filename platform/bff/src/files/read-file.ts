import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { statIfPresent } from '@flotilla/kernel/files';

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

export type Encoding = 'br' | 'gzip' | 'identity';

/** One file as it is sent. */
export interface HeldFile {
  readonly etag: string;
  readonly mtimeMs: number;
  readonly bytes: Readonly<Partial<Record<Encoding, Buffer>>> & { readonly identity: Buffer };
}

/** Below this a compressed file saves no packet. */
const MIN_COMPRESSED_BYTES = 1_024;
const BROTLI_QUALITY = 9;

/**
 * A file with its compressed forms: those that the build left beside it (`.br`, `.gz`), else made once. `undefined` = there is no such
 * file. What does not become smaller has no compressed form.
 */
export async function readHeldFile(path: string, isText: boolean): Promise<HeldFile | undefined> {
  const found = await statIfPresent(path);
  if (found === undefined || !found.isFile()) return undefined;
  const identity = await readFile(path);
  const etag = `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
  const isCompressible = isText && identity.length >= MIN_COMPRESSED_BYTES;
  const [br, gz] = isCompressible
    ? await Promise.all([brotliOf(path, identity), gzipOf(path, identity)])
    : [];
  const smaller = (one: Buffer | undefined) => one !== undefined && one.length < identity.length;
  return {
    etag,
    mtimeMs: found.mtimeMs,
    bytes: { identity, ...(br && smaller(br) && { br }), ...(gz && smaller(gz) && { gzip: gz }) },
  };
}

async function brotliOf(path: string, bytes: Buffer): Promise<Buffer> {
  const made = () => compressBrotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
  return (await ahead(path, '.br')) ?? (await made());
}

async function gzipOf(path: string, bytes: Buffer): Promise<Buffer> {
  return (await ahead(path, '.gz')) ?? (await compressGzip(bytes, { level: constants.Z_BEST_COMPRESSION }));
}

/** Made by the build. One that is older than its file belongs to the file before. */
async function ahead(path: string, suffix: string): Promise<Buffer | undefined> {
  try {
    const [own, made] = await Promise.all([stat(path), stat(path + suffix)]);
    return made.mtimeMs >= own.mtimeMs ? await readFile(join(path + suffix)) : undefined;
  } catch {
    return undefined;
  }
}
