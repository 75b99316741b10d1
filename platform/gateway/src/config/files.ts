import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { configInvalid } from '../errors.ts';
import { isObject, parseRelaxedJson } from '../grammar/json.ts';

export interface ConfigFile {
  /** Without its folder. */
  readonly name: string;
  readonly text: string;
}

/** Files of a folder that are merged: `ocelot.<name>.json`; plain `ocelot.json` is not one of them. */
const PART = /^ocelot\..+\.json$/i;
const GLOBAL_FILE = /^ocelot\.global\.json$/i;
const LISTS = ['Routes', 'Aggregates', 'DynamicRoutes', 'SwaggerEndPoints'] as const;

/**
 * Reads a file, or the files of a folder in the order of their names. Throws `GATEWAY_CONFIG_INVALID` when
 * there is nothing to read.
 */
export async function loadConfigFiles(
  path: string,
): Promise<string | { readonly files: readonly ConfigFile[] }> {
  try {
    if (!(await stat(path)).isDirectory()) return await readFile(path, 'utf8');
    const names = (await readdir(path)).filter((name) => PART.test(name)).sort();
    if (names.length === 0) throw configInvalid([`${path} has no files named ocelot.<name>.json`]);
    const files = await Promise.all(
      names.map(async (name) => ({ name, text: await readFile(join(path, name), 'utf8') })),
    );
    return { files };
  } catch (error) {
    if (!(error instanceof Error) || !('errno' in error)) throw error;
    throw configInvalid([`${path} cannot be read: ${error.message}`]);
  }
}

/** One object in the format of a single file. What is no JSON is reported and left out. */
export function parseInput(
  input: string | { readonly files: readonly ConfigFile[] },
  errors: string[],
): unknown {
  if (typeof input === 'string') return parse('the file', input, errors) ?? {};
  const parts = input.files
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, text }) => ({ name, value: parse(name, text, errors) }));
  return mergeParts(parts, errors);
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
    if (!isObject(value)) {
      errors.push(`${name}: must be an object`);
      continue;
    }
    for (const [key, item] of Object.entries(value)) {
      const list = LISTS.find((one) => one.toLowerCase() === key.toLowerCase());
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
