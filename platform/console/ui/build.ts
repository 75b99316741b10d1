/** Builds the pages into the folder of the one argument, by default `dist`: `flotilla up` does it when they are stale. */
import { join } from 'node:path';
import { build } from './build-pages.ts';

const [outDir = join(import.meta.dirname, 'dist')] = process.argv.slice(2);
await build(outDir);
