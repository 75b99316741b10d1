import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isPlatformError, type LoopLogger, pause, startLoop, systemClock } from '@flotilla/kernel';
import { silentLogger } from '@flotilla/telemetry';
import type { GatewayConfig } from '../model.ts';
import { diffConfigs } from './diff.ts';
import { loadConfigFiles, overlayOf } from './files.ts';
import type { Environment } from './overlays.ts';
import { type ReadOptions, readGatewayConfig } from './read-gateway-config.ts';

export interface WatchDeps {
  /** File or folder. */
  readonly path: string;
  /** The configuration in force. */
  readonly config: GatewayConfig;
  readonly options: ReadOptions;
  /** A valid configuration that differs, with what is different. Must not throw. */
  readonly onConfig: (config: GatewayConfig, changes: readonly string[]) => void;
  /** Told once for each content that is not valid; what is in force stays. */
  readonly onInvalid: (problems: readonly string[]) => void;
  /** As for `loadConfigFiles`. */
  readonly env?: Environment;
  /** How often files are looked at when nothing reports a change; default 1,000 ms. */
  readonly pollMs?: number;
  /** How long files must be left alone before they are read; default 100 ms. */
  readonly settleMs?: number;
  /** Told when the files cannot be looked at at all, which is tried again. Default: nobody is. */
  readonly logger?: LoopLogger;
}

/**
 * Follows changes of the file, rewritten in place or replaced, while the configuration in force says
 * `ReloadOnChange`. Events of the file system only make it faster: what counts is a look at times, sizes and
 * inodes, so that a change is seen on every kind of volume.
 */
export function watchConfig(deps: WatchDeps): { close(): Promise<void> } {
  const { path, options, onConfig, onInvalid, pollMs = 1_000, settleMs = 100, env } = deps;
  const { logger = silentLogger } = deps;
  const loading = env === undefined ? {} : { env };
  const stop = new AbortController();
  let current = deps.config;
  if (!current.reloadOnChange) return { close: async () => undefined };
  // The file may have changed since it was read for the start: the first look reads it again.
  let seen = '';

  async function look(): Promise<boolean> {
    const mark = await settledMark(() => markOf(path, env), settleMs, stop.signal);
    if (mark !== seen) await reload();
    seen = mark;
    if (!current.reloadOnChange) void close();
    return false;
  }

  async function reload(): Promise<void> {
    try {
      const config = readGatewayConfig(await loadConfigFiles(path, loading), options);
      const changes = diffConfigs(current, config);
      if (stop.signal.aborted || changes.length === 0) return;
      current = config;
      onConfig(config, changes);
    } catch (error) {
      if (!isPlatformError(error) || error.code !== 'GATEWAY_CONFIG_INVALID') throw error;
      if (!stop.signal.aborted) onInvalid(error.details['problems'] as readonly string[]);
    }
  }

  const loop = startLoop({
    ...{ name: 'gateway-config', run: look, intervalMs: pollMs, clock: systemClock, logger },
  });
  const watchers = openWatchers(path, loop.wake);

  async function close(): Promise<void> {
    stop.abort();
    for (const watcher of watchers) watcher.close();
    await loop.stop();
  }

  return { close };
}

/** Where events cannot be had the regular look is enough. */
function openWatchers(path: string, onEvent: () => void): readonly FSWatcher[] {
  return [path, dirname(path)].flatMap((place) => {
    try {
      const watcher = watch(place, { persistent: false }, onEvent);
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
}

/** What tells one state of the files from another, once it has stayed the same for `settleMs`. */
async function settledMark(
  look: () => Promise<string>,
  settleMs: number,
  signal: AbortSignal,
): Promise<string> {
  let mark = await look();
  while (!signal.aborted) {
    await pause(systemClock, settleMs, signal);
    const next = await look();
    if (next === mark) break;
    mark = next;
  }
  return mark;
}

async function markOf(path: string, env: Environment | undefined): Promise<string> {
  try {
    const stats = await stat(path);
    const over = overlayOf(path, false, env);
    if (!stats.isDirectory())
      return `${stats.mtimeMs} ${stats.size} ${stats.ino} ${over === undefined ? '' : await markOf(over, undefined)}`;
  } catch {
    return 'missing';
  }
  return await folderMark(path);
}

async function folderMark(path: string): Promise<string> {
  const names = (await readdir(path).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
  const marks = await Promise.all(
    names.map(async (name) => {
      const stats = await stat(join(path, name)).catch(() => undefined);
      return `${name} ${stats?.mtimeMs} ${stats?.size} ${stats?.ino}`;
    }),
  );
  return marks.join('\n');
}
