/** Builds the pages into the folder of the one argument, by default `dist`: `flotilla up` does it when they are stale. */
import { join, resolve } from 'node:path';
import { build } from 'vite';

const [outDir = join(import.meta.dirname, 'dist')] = process.argv.slice(2);
await build({
  root: import.meta.dirname,
  configFile: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: resolve(outDir), emptyOutDir: true, assetsInlineLimit: 0 },
});
