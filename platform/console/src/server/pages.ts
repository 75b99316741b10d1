import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageFile {
  readonly body: Buffer;
  readonly type: string;
  /** Its name has the hash of what is in it. */
  readonly isImmutable: boolean;
}

/** A file of the built pages; every path without a file is the one document, which shows the page of its address. */
export async function readPage(folder: string, path: string): Promise<PageFile | undefined> {
  const isFile = /^\/assets\/[\w.-]+$/.test(path);
  const file = isFile ? normalize(join(folder, path)) : join(folder, 'index.html');
  try {
    const body = await readFile(file);
    return { body, type: TYPES[extname(file)] ?? 'application/octet-stream', isImmutable: isFile };
  } catch {
    return undefined;
  }
}

const NOT_BUILT = `<!doctype html><title>Console</title><meta http-equiv="refresh" content="2"><p>The pages of the console are being built …</p>`;

/** What is shown until there are pages. */
export const NO_PAGES: PageFile = {
  body: Buffer.from(NOT_BUILT),
  type: 'text/html; charset=utf-8',
  isImmutable: false,
};
