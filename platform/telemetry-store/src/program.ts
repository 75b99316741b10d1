import { extname, join } from 'node:path';

/** The program of the store: a process of its own, configured by its environment. */
export const STORE_PROGRAM = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
