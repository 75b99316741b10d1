import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface LogLine {
  readonly instance: string;
  readonly line: string;
}

interface LogFile {
  readonly instance: string;
  readonly path: string;
}

const POLL_MS = 150;

/** The log files of all or of one service. */
export async function listLogs(folder: string, service: string | undefined): Promise<readonly LogFile[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().flatMap((name) => {
    const found = /^(.+)-(\d+)\.log$/.exec(name);
    if (!found || (service !== undefined && found[1] !== service)) return [];
    return [{ instance: name.slice(0, -'.log'.length), path: join(folder, name) }];
  });
}

/** The newest `count` lines of every file, in the order in which they were written. */
export async function readRecent(files: readonly LogFile[], count: number): Promise<readonly LogLine[]> {
  const lines = await Promise.all(
    files.map(async ({ instance, path }) => {
      const older = await readLines(`${path}.1`);
      const newest = [...older, ...(await readLines(path))].slice(-count);
      let time = '';
      return newest.map((line) => {
        time = timeOf(line) ?? time; // a stack trace belongs to the line before it
        return { instance, line, time };
      });
    }),
  );
  return lines.flat().sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

async function readLines(path: string): Promise<readonly string[]> {
  const text = await readFrom(path, 0);
  return text.split('\n').filter((line) => line !== '');
}

/** Of our JSON lines and of PostgreSQL's; both are UTC. */
function timeOf(line: string): string | undefined {
  const json = /"time":"([^"]+)"/.exec(line)?.[1];
  return json ?? /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/.exec(line)?.[0].replace(' ', 'T');
}

/** New lines of these files until the signal; files are looked at, so PostgreSQL's log can be followed, too. */
export async function followLogs(
  files: readonly LogFile[],
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const cursors = await Promise.all(
    files.map(async (file) => ({ ...file, offset: await sizeOf(file.path), rest: '' })),
  );
  while (!signal.aborted) {
    for (const cursor of cursors) {
      const size = await sizeOf(cursor.path);
      if (size < cursor.offset) cursor.offset = 0; // it was rotated
      if (size === cursor.offset) continue;
      const text = await readFrom(cursor.path, cursor.offset);
      cursor.offset += Buffer.byteLength(text);
      const parts = (cursor.rest + text).split('\n');
      cursor.rest = parts.pop() ?? '';
      for (const line of parts) onLine({ instance: cursor.instance, line });
    }
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS)); // keeps the process alive
  }
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (file) => file.size,
    () => 0,
  );
}

async function readFrom(path: string, offset: number): Promise<string> {
  try {
    await using file = await open(path);
    const stream = file.createReadStream({ start: offset, encoding: 'utf8', autoClose: false });
    return (await stream.toArray()).join('');
  } catch {
    return ''; // not written yet
  }
}
