/** What is published: one folder a package, with compiled code, assets and a manifest that names them. */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { linesOnly } from './source-maps.ts';
import type { Manifest, Package } from './workspace.ts';

/** Folders beside `src` that travel with the compiled code, which finds them by the same relative path as the sources. */
const ASSETS = ['bin', 'migrations', 'proto'] as const;
/** Folders and files for readers and editors. */
const FOR_READERS = ['README.md', 'schema'] as const;

/** Dependencies whose insides are used, so that any other version may break: `createHttpClient` loads undici's pool alone. */
const EXACT = new Set(['undici']);

/** The oldest Node that the packages are tested on. */
const ENGINES = { node: '>=22.12' };

export interface Built {
  readonly root: string;
  /** The compiler's output of all packages. */
  readonly compiled: string;
  /** Where pages for browsers were built, in whatever package, relative to `root`. */
  readonly pages: readonly string[];
}

/** Stages `pack` in `target`. */
export function stage({ root, compiled, pages }: Built, pack: Package, target: string): void {
  rmSync(target, { recursive: true, force: true });
  const dist = join(target, 'dist');
  mkdirSync(dist, { recursive: true });
  cpSync(join(compiled, pack.folder), dist, { recursive: true });
  for (const folder of ASSETS) copyIfThere(join(pack.path, folder), join(dist, folder));
  for (const folder of pages.filter((path) => path.startsWith(`platform/${pack.folder}/`)))
    cpSync(join(root, folder), join(dist, folder.slice(`platform/${pack.folder}/`.length)), {
      recursive: true,
      filter: (path) => !basename(path).startsWith('.'), // how it was built
    });
  for (const file of globSync('src/**/*.{html,svg,css,js,json}', { cwd: pack.path }))
    cpSync(join(pack.path, file), join(dist, file), { errorOnExist: true, force: false });
  for (const file of globSync('**/*.js.map', { cwd: dist })) rewrite(join(dist, file), linesOnly);
  dropModulesOfTypes(dist, Object.values(pack.manifest.exports));
  for (const file of globSync('**/*.d.ts', { cwd: dist })) rewrite(join(dist, file), withoutTexts);
  for (const file of globSync('bin/*.js', { cwd: dist })) rewrite(join(dist, file), runningCompiled);
  for (const name of FOR_READERS) copyIfThere(join(pack.path, name), join(target, name));
  for (const file of globSync('schema/*.json', { cwd: target })) rewrite(join(target, file), withoutBlanks);
  cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
  const manifest = publishedManifest(pack, readRootManifest(root));
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  dropPrivateDeclarations(target, manifest);
}

/** A module of types alone has nothing to run: whoever imports it does so for its declarations. Entries stay, without lines to look up. */
function dropModulesOfTypes(dist: string, entries: readonly string[]): void {
  const kept = new Set(entries.map((entry) => resolve(dist, entry.replace(/\.ts$/, '.js'))));
  for (const file of globSync('**/*.js', { cwd: dist })) {
    const path = resolve(dist, file);
    if (!readFileSync(path, 'utf8').startsWith('export {};\n//# sourceMappingURL')) continue;
    rmSync(`${path}.map`);
    if (kept.has(path)) writeFileSync(path, 'export {};\n');
    else rmSync(path);
  }
}

/** Editors read a schema, people its reference. */
function withoutBlanks(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

/**
 * The compiler spells the texts about keys out as types, wherever they are used: a tenth of the gateway's size, and of no use to
 * whoever compiles against it.
 */
export function withoutTexts(declarations: string): string {
  return declarations.replaceAll(
    /\breadonly doc: (?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*');/g,
    'readonly doc: string;',
  );
}

/**
 * The manifest of a published package: entries of the compiled code, ranges that let security updates in, of peers, too; where its
 * source is, when the repository says where it is itself.
 */
export function publishedManifest(
  { manifest: source, folder }: Pick<Package, 'manifest' | 'folder'>,
  root: Readonly<Record<string, unknown>>,
): Manifest {
  const { devDependencies: _, private: __, ...kept } = source;
  return {
    ...kept,
    ...repositoryOf(root['repository'], `platform/${folder}`),
    engines: ENGINES,
    exports: {
      ...Object.fromEntries(Object.entries(source.exports).map(([entry, file]) => [entry, conditions(file)])),
      './package.json': './package.json',
    } as unknown as Manifest['exports'],
    ...(source.bin ? { bin: mapValues(source.bin, (file) => file.replace('./', './dist/')) } : {}),
    ...(source.dependencies ? { dependencies: mapEntries(source.dependencies, range) } : {}),
    ...(source.peerDependencies ? { peerDependencies: mapEntries(source.peerDependencies, range) } : {}),
  };
}

/** Of one repository with many packages, each says in which folder it is. */
function repositoryOf(repository: unknown, directory: string): object {
  if (typeof repository === 'string') return { repository: { type: 'git', url: repository, directory } };
  return typeof repository === 'object' && repository !== null
    ? { repository: { ...repository, directory } }
    : {};
}

function conditions(file: string): { readonly types: string; readonly default: string } {
  const compiled = file.replace('./', './dist/');
  return { types: compiled.replace(/\.ts$/, '.d.ts'), default: compiled.replace(/\.ts$/, '.js') };
}

/** Packages of the platform go together in one version; of others, whatever promises to be compatible with the tested one. */
function range(name: string, version: string): string {
  return name.startsWith('@flotilla/') || EXACT.has(name) ? version : `^${version}`;
}

/** Declarations that no entry leads to describe insides: nobody can import them. */
function dropPrivateDeclarations(target: string, manifest: Manifest): void {
  const wanted = new Set<string>();
  const visit = (file: string): void => {
    if (wanted.has(file)) return;
    wanted.add(file);
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:from |import\()["'](\.[^"']+)["']/g,
    ))
      visit(resolve(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts')));
  };
  for (const entry of Object.values(manifest.exports as unknown as Record<string, { types?: string }>))
    if (entry.types) visit(resolve(target, entry.types));
  for (const file of globSync('dist/**/*.d.ts', { cwd: target }))
    if (!wanted.has(resolve(target, file))) rmSync(join(target, file));
}

/** A program that the sources and the published package share names the compiled module it runs. */
function runningCompiled(program: string): string {
  return program.replaceAll(/import\('(\.[^']+)\.ts'\)/g, "import('$1.js')");
}

function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

function copyIfThere(from: string, to: string): void {
  if (existsSync(from)) cpSync(from, to, { recursive: true });
}

function readRootManifest(root: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
}

function mapValues(record: Readonly<Record<string, string>>, map: (value: string) => string) {
  return mapEntries(record, (_, value) => map(value));
}

function mapEntries(record: Readonly<Record<string, string>>, map: (key: string, value: string) => string) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(key, value)]));
}
