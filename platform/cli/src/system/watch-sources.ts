import { type FSWatcher, watch } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { SystemConfig } from '../config.ts';
import { readSources } from './source-graph.ts';

export interface WatchOptions {
  readonly system: SystemConfig;
  readonly root: string;
  readonly restart: (service: string) => Promise<void>;
  readonly say: (line: string) => void;
}

/** An editor saves in several steps, and a checkout changes many files. */
const QUIET_MS = 200;

/**
 * Restarts the services whose sources have changed, those alone: after a moment of quiet, and by what is in the files,
 * so that saving one unchanged does nothing. Resolves with how to stop it, once it watches.
 */
export async function watchSources(options: WatchOptions): Promise<() => void> {
  const { system, root, restart, say } = options;
  const watchers = new Map<string, FSWatcher>();
  let known = await readAll();
  let timer: NodeJS.Timeout | undefined;
  let work = Promise.resolve();
  let stopped = false;

  async function readAll(): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const read = Object.entries(system.services).map(async ([name, { entry }]) => {
      const files = await readSources(join(root, entry));
      return [name, new Map(files.map(({ path, text }) => [path, text]))] as const;
    });
    return new Map(await Promise.all(read));
  }

  function look(): void {
    clearTimeout(timer);
    // One look at a time: what changes during a restart is seen afterwards.
    timer = setTimeout(() => {
      work = work.then(apply).catch((error: Error) => say(`the sources cannot be watched: ${error.message}`));
    }, QUIET_MS);
  }

  async function apply(): Promise<void> {
    if (stopped) return;
    const before = known;
    known = await readAll();
    follow();
    const changed = [...known].flatMap(([service, files]) => {
      const file = firstDifference(before.get(service) ?? new Map(), files);
      return file === undefined ? [] : [{ service, file }];
    });
    for (const { service, file } of changed)
      say(`${relative(root, file)} has changed: ${service} is restarted`);
    await Promise.all(changed.map(({ service }) => restart(service)));
  }

  /** The folders of all sources: a file that is replaced by another is seen there, and a new one. */
  function follow(): void {
    const folders = new Set([...known.values()].flatMap((files) => [...files.keys()].map(dirname)));
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of folders) if (!watchers.has(folder)) open(folder);
  }

  function open(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, look); // the system's end is not its business
      watcher.on('error', look); // the folder is gone: what was in it is now missing
      watchers.set(folder, watcher);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  follow();
  return () => {
    stopped = true;
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}

function firstDifference(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string | undefined {
  const paths = new Set([...after.keys(), ...before.keys()]);
  return [...paths].find((path) => before.get(path) !== after.get(path));
}
