import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

export interface ModulesToCompile {
  /** Absolute paths of programs. */
  readonly entries: readonly string[];
  /** Where Node keeps what it has compiled. */
  readonly compileCache: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 60_000;
/** Evaluated before the programs, which are loaded and compiled by then, so that none of their code runs. */
const STOP = 'data:text/javascript,throw%20undefined';

/**
 * Fills an empty compile cache with all modules of the programs, in one process that runs none of them. Without it each
 * program would strip the types of the same hundreds of files at its first start, and keep what it takes to do so in
 * memory. Whatever goes wrong costs that, and nothing else.
 */
export async function compileModules({
  entries,
  compileCache,
  env,
  signal,
}: ModulesToCompile): Promise<void> {
  if (existsSync(compileCache)) return;
  const urls = [STOP, ...entries.map((entry) => pathToFileURL(entry).href)];
  const source = urls.map((url) => `import ${JSON.stringify(url)};`).join('\n');
  const options = { env: { ...env, NODE_COMPILE_CACHE: compileCache }, signal, timeout: TIMEOUT_MS };
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], options).catch(
    () => undefined, // as it ends with an error every time
  );
}
