import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isRecord } from '@flotilla/kernel';
import { configInvalid } from '../errors.ts';
import { parseRelaxedJson } from '../grammar/json.ts';
import { type Environment, overlay, resolveVariables, withVariables } from './overlays.ts';

export interface ConfigFile {
  /** Without its folder. */
  readonly name: string;
  readonly text: string;
}

/** What a configuration is made of. */
export interface ConfigFiles {
  readonly files: readonly ConfigFile[];
  /** Of the environment by name, `ocelot.Production.json`: laid over the others. */
  readonly overlay?: ConfigFile;
  /** Variables that set keys (`Routes__0__Key`) and stand in values (`${NAME}`). */
  readonly env?: Environment;
}

/** Files of a folder that are merged: `ocelot.<name>.json`; plain `ocelot.json` is not one of them. */
const PART = /^ocelot\..+\.json$/i;
const GLOBAL_FILE = /^ocelot\.global\.json$/i;
const LISTS: ReadonlyMap<string, string> = new Map(
  ['Routes', 'Aggregates', 'DynamicRoutes', 'SwaggerEndPoints'].map((key) => [key.toLowerCase(), key]),
)
  .set('reroutes', 'Routes')
  .set('dynamicreroutes', 'DynamicRoutes');

/** As ASP.NET is told in which environment it runs. */
function environmentOf(env: Environment): string | undefined {
  return env['ASPNETCORE_ENVIRONMENT'] || env['DOTNET_ENVIRONMENT'] || undefined;
}

/**
 * Reads a file, or the files of a folder in the order of their names. With `env`, `ocelot.<environment>.json` beside them is laid over it
 * (`ASPNETCORE_ENVIRONMENT`, `DOTNET_ENVIRONMENT`), and its variables count. Throws `GATEWAY_CONFIG_INVALID` when there is nothing to read.
 */
export async function loadConfigFiles(
  path: string,
  { env }: { readonly env?: Environment } = {},
): Promise<ConfigFiles> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const overlayPath = overlayOf(path, isFolder, env);
    const files = isFolder
      ? await readParts(path, overlayPath)
      : [{ name: SINGLE, text: await readFile(path, 'utf8') }];
    const text = overlayPath && (await readFile(overlayPath, 'utf8').catch(notThere));
    return {
      files,
      ...(overlayPath !== undefined &&
        text !== undefined && { overlay: { name: basename(overlayPath), text } }),
      ...(env && { env }),
    };
  } catch (error) {
    if (!(error instanceof Error) || !('errno' in error)) throw error;
    throw configInvalid([`${path} cannot be read: ${error.message}`]);
  }
}

/** Of a file `x.json` it is `x.<environment>.json`; of a folder `ocelot.<environment>.json`. */
export function overlayOf(path: string, isFolder: boolean, env: Environment | undefined): string | undefined {
  const name = env && environmentOf(env);
  if (name === undefined || !/^[\w-]+$/.test(name)) return undefined;
  if (isFolder) return join(path, `ocelot.${name}.json`);
  return /\.json$/i.test(path) ? path.replace(/\.json$/i, `.${name}.json`) : undefined;
}

function notThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function readParts(folder: string, overlayPath: string | undefined): Promise<readonly ConfigFile[]> {
  const excluded = overlayPath && basename(overlayPath).toLowerCase();
  const names = (await readdir(folder))
    .filter((name) => PART.test(name) && name.toLowerCase() !== excluded)
    .sort();
  if (names.length === 0) throw configInvalid([`${folder} has no files named ocelot.<name>.json`]);
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(folder, name), 'utf8') })));
}

/** Names the one file in messages. */
const SINGLE = 'the file';

/** One object in the format of a single file. What is no JSON is reported and left out. */
export function parseInput(input: string | ConfigFiles, errors: string[]): unknown {
  if (typeof input === 'string') return parse(SINGLE, input, errors) ?? {};
  const { files, overlay: over, env } = input;
  const parts = files
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, text }) => ({ name, value: parse(name, text, errors) }));
  const [only] = parts;
  const base = parts.length === 1 && only?.name === SINGLE ? (only.value ?? {}) : mergeParts(parts, errors);
  const laid = over === undefined ? base : overlay(base, parse(over.name, over.text, errors));
  if (env === undefined) return laid;
  return resolveVariables(withVariables(laid, env), env, errors);
}

function parse(name: string, text: string, errors: string[]): unknown {
  try {
    return parseRelaxedJson(text);
  } catch (error) {
    errors.push(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Lists are joined in the order of the files; global options come from `ocelot.global.json` alone. */
function mergeParts(
  parts: readonly { readonly name: string; readonly value: unknown }[],
  errors: string[],
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = {};
  for (const { name, value } of parts) {
    if (value === undefined) continue;
    if (!isRecord(value)) {
      errors.push(`${name}: must be an object`);
      continue;
    }
    for (const [key, item] of Object.entries(value)) {
      const list = LISTS.get(key.toLowerCase());
      if (list !== undefined && Array.isArray(item)) merged[list] = [...listOf(merged[list]), ...item];
      else if (list !== undefined) merged[list] ??= item;
      else if (key.toLowerCase() !== 'globalconfiguration' || GLOBAL_FILE.test(name)) merged[key] = item;
    }
  }
  return merged;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
