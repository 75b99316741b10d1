/**
 * `node scripts/lock-file.ts`: does package-lock.json say what the package.json of the repository and of every workspace
 * say? When not, `npm ci` refuses or installs something else than was meant. Asks nobody; exit 1 when it is stale.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const FIELDS = [
  'version',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'engines',
] as const;
type Manifest = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>;

/** One line for everything in which the lock file of a repository differs from its package.json files. */
export function staleness(root: string): readonly string[] {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const { workspaces } = read('package.json') as { readonly workspaces: readonly string[] };
  const { packages } = read('package-lock.json') as { readonly packages: Readonly<Record<string, Manifest>> };
  const files = globSync(
    workspaces.map((folder) => `${folder}/package.json`),
    { cwd: root },
  );
  const present = ['', ...files.map((file) => dirname(file))].sort();
  const locked = Object.keys(packages).filter((path) => !/(^|\/)node_modules\//.test(path));
  return [
    ...locked.filter((path) => !present.includes(path)).map((path) => `${path} is locked and not there`),
    ...present.flatMap((path) => {
      const entry = packages[path];
      if (entry === undefined) return [`${path} is not locked`];
      const manifest = read(join(path, 'package.json')) as Manifest;
      return FIELDS.filter((field) => !isDeepStrictEqual(entry[field], manifest[field])).map(
        (field) => `${join(path, 'package.json')}: ${field} are not as locked`,
      );
    }),
  ];
}

if (import.meta.main) {
  const found = staleness(dirname(import.meta.dirname));
  for (const line of found) console.log(line);
  console.log(
    found.length === 0 ? 'the lock file is current' : 'run npm install, and commit package-lock.json',
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}
