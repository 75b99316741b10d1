import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { timeOf } from './log-filter.ts';

export interface LogLine {
  readonly instance: string;
  readonly line: string;
}

export interface LogFile {
  readonly service: string;
  readonly instance: string;
  readonly path: string;
}

/** Makes what decides, line by line of one process, which ones are shown. */
type MakeFilter = () => (line: string) => boolean;

const POLL_MS = 150;
const NEW_LINE = 0x0a;

/** The log files of all services. */
export async function listLogs(folder: string): Promise<readonly LogFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.sort().flatMap((name) => {
    const [, service] = /^(.+)-\d+\.log$/.exec(name) ?? [];
    if (service === undefined) return [];
    return [{ service, instance: name.slice(0, -'.log'.length), path: join(folder, name) }];
  });
}

/** The newest `count` lines of every file that pass, in the order in which they were written. */
export async function readRecent(
  files: readonly LogFile[],
  count: number,
  makeFilter: MakeFilter = () => () => true,
): Promise<readonly LogLine[]> {
  if (count === 0) return [];
  const lines = await Promise.all(
    files.map(async ({ instance, path }) => {
      const shown = [...(await readLines(`${path}.1`)), ...(await readLines(path))].filter(makeFilter());
      let time = '';
      return shown.slice(-count).map((line) => {
        time = timeOf(line) ?? time; // a stack trace belongs to the line before it
        return { instance, line, time };
      });
    }),
  );
  return lines.flat().sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

async function readLines(path: string): Promise<readonly string[]> {
  return linesOf(await readFrom(path, 0));
}

function linesOf(bytes: Buffer): readonly string[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** New lines of these files until the signal; files are looked at, so PostgreSQL's log can be followed, too. */
export async function followLogs(
  files: readonly LogFile[],
  makeFilter: MakeFilter,
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const cursors = await Promise.all(
    files.map(async (file) => ({ ...file, passes: makeFilter(), offset: await sizeOf(file.path) })),
  );
  while (!signal.aborted) {
    for (const cursor of cursors) {
      const { instance, path, passes } = cursor;
      const show = (bytes: Buffer) => {
        for (const line of linesOf(bytes)) if (passes(line)) onLine({ instance, line });
      };
      const size = await sizeOf(path);
      if (size < cursor.offset) {
        show(await readFrom(`${path}.1`, cursor.offset)); // it was rotated; this is the end of the old one
        cursor.offset = 0;
      }
      if (size === cursor.offset) continue;
      // Whole lines only: the rest is still being written, and may end within a character.
      const bytes = await readFrom(path, cursor.offset);
      const complete = bytes.subarray(0, bytes.lastIndexOf(NEW_LINE) + 1);
      cursor.offset += complete.length;
      show(complete);
    }
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS)); // keeps the process alive
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    return ifNotWrittenYet(error, 0);
  }
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  try {
    await using file = await open(path);
    const stream = file.createReadStream({ start: offset, autoClose: false });
    return Buffer.concat(await stream.toArray());
  } catch (error) {
    return ifNotWrittenYet(error, Buffer.alloc(0));
  }
}

function ifNotWrittenYet<T>(error: unknown, nothing: T): T {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
  throw error;
}
