import { resolve } from 'node:path';
import * as vite from 'vite';

/** Builds the pages into a folder, which is emptied first. */
export async function build(outDir: string): Promise<void> {
  await vite.build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { outDir: resolve(outDir), emptyOutDir: true, assetsInlineLimit: 0 },
  });
}
