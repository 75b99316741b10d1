/** TypeScript to JavaScript, declarations and source maps, for all packages in one run of the compiler. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Package } from './workspace.ts';

/**
 * Sources that no import leads to: programs that are started, by the package that starts them. They stand beside the
 * module that starts them, so what is published finds them by the same relative path.
 */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  cli: ['src/main.ts'],
  gateway: ['src/process/worker.ts'],
};

/** Declarations of what the exports of `packages` reach, to `outDir/<folder>/src/….d.ts`. Throws when the types are wrong. */
export function compileDeclarations(root: string, packages: readonly Package[], outDir: string): void {
  emit(root, packages, outDir, { declaration: true, emitDeclarationOnly: true });
}

/** Code and source maps, likewise. Comments stay behind: they belong into declarations, where editors show them. */
export function compileCode(root: string, packages: readonly Package[], outDir: string): void {
  emit(root, packages, outDir, { sourceMap: true, removeComments: true });
}

function emit(
  root: string,
  packages: readonly Package[],
  outDir: string,
  options: Readonly<Record<string, boolean>>,
): void {
  const files = packages.flatMap(({ folder, path, manifest }) =>
    [...Object.values(manifest.exports), ...(PROGRAMS[folder] ?? [])].map((entry) => join(path, entry)),
  );
  const project = join(dirname(outDir), 'tsconfig.json');
  const compilerOptions = {
    ...options,
    noEmit: false,
    rootDir: join(root, 'platform'),
    outDir,
    rewriteRelativeImportExtensions: true,
    typeRoots: [join(root, 'node_modules/@types')],
    // What the compiler finds below node_modules it takes for built already, and emits nothing for it.
    paths: Object.fromEntries(packages.flatMap(sourcesByName)),
  };
  writeFileSync(
    project,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }),
  );
  const { status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['--project', project], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the types are wrong, nothing was built');
}

function sourcesByName({ path, manifest }: Package): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(manifest.exports).map(([entry, file]) => [
    join(manifest.name, entry),
    [join(path, file)],
  ]);
}
