import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { type Command, type Invocation, text } from '../command-line/command.ts';
import { FOLDER, textOf } from '../command-line/value-kinds.ts';
import { type SystemConfig, serviceNameProblem } from '../config.ts';
import { cliError } from '../errors.ts';
import { CONFIG_FILE, findRoot, loadSystem } from '../load-system.ts';
import { configEntry, withService } from '../scaffold/config-entry.ts';
import { serviceFiles } from '../scaffold/service-files.ts';

export const create: Command = {
  name: 'new',
  summary: 'writes what is the same at the beginning of everything of its kind',
  commands: [
    {
      name: 'service',
      summary:
        'a service with a table, guarded routes, crash points and a test that passes; and its entry in flotilla.config.ts',
      arguments: [{ kind: textOf('name') }],
      options: {
        folder: { kind: FOLDER, help: 'where it is put; default: beside the services that there are' },
      },
      example: 'new service parcel',
      run: newService,
    },
  ],
};

async function newService({ positionals, values, cwd }: Invocation): Promise<number> {
  const [name = ''] = positionals;
  const root = findRoot(cwd);
  const system = await loadSystem(root);
  const problem =
    serviceNameProblem(name) ?? (name in system.services ? 'there is one of this name' : undefined);
  if (problem !== undefined) throw cliError('CLI_USAGE', `service ${name}: ${problem}`);
  const parent = text(values, 'folder') ?? usualFolder(system);
  const folder = posix.join(parent, name);
  if (existsSync(join(root, folder)))
    throw cliError('CLI_USAGE', `${folder} is there already; nothing was changed`);

  const files = serviceFiles({ name, ...(await packagesBeside(root, parent, name, system)) });
  for (const [path, content] of Object.entries(files)) await write(join(root, folder, path), content);
  const config = join(root, CONFIG_FILE);
  const changed = withService(await readFile(config, 'utf8'), name, folder);
  if (changed !== undefined) await writeFile(config, changed);

  for (const path of Object.keys(files)) console.log(`${folder}/${path}`);
  console.log(
    changed === undefined
      ? `Add it to the services of ${CONFIG_FILE}:\n\n${configEntry(name, folder, '    ')}`
      : `${CONFIG_FILE}: its entry, the first of the services`,
  );
  console.log(`\nNow: npm install, then flotilla up --only ${name}`);
  return 0;
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content, { flag: 'wx' });
}

/** The folder in which most services are: `shop` of `shop/order/src/main.ts`. */
function usualFolder({ services }: SystemConfig): string {
  const counts = new Map<string, number>();
  for (const { entry } of Object.values(services)) {
    const [, folder] = /^(?:\.\/)?(.+)\/[^/]+\/src\/[^/]+$/.exec(entry) ?? [];
    if (folder !== undefined) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  return most?.[0] ?? 'services';
}

interface Manifest {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The scope and the version of the platform that a service in the same folder has; else those of this program. */
async function packagesBeside(root: string, parent: string, name: string, { services }: SystemConfig) {
  for (const { entry } of Object.values(services)) {
    const [, folder] = /^(?:\.\/)?(.+\/[^/]+)\/src\/[^/]+$/.exec(entry) ?? [];
    if (folder === undefined || posix.dirname(folder) !== parent) continue;
    const manifest = await readManifest(join(root, folder, 'package.json'));
    const version = manifest?.dependencies?.['@flotilla/service'];
    const [, scope] = /^(@[^/]+)\//.exec(manifest?.name ?? '') ?? [];
    if (version !== undefined)
      return { version, packageName: scope === undefined ? name : `${scope}/${name}` };
  }
  const own = await readManifest(new URL('../../package.json', import.meta.url));
  return { version: own?.version ?? '*', packageName: name };
}

async function readManifest(
  file: string | URL,
): Promise<(Manifest & { readonly version?: string }) | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
