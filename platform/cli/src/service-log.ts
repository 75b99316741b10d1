import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

export interface ServiceLog {
  readonly file: string;
  /** Output of the process as it comes. */
  write(chunk: Buffer): void;
  /** The newest lines, oldest first. */
  recent(count: number): readonly string[];
  /** Called with every complete line until it is taken off again. */
  follow(listener: (line: string) => void): () => void;
  close(): Promise<void>;
}

const KEPT_LINES = 500;
const LONGEST_LINE = 16_384;

/** Keeps the output of one process in a file, at most twice `maxBytes` on disk, and its last lines in memory. */
export function openServiceLog(file: string, maxBytes: number = 10 * 1_048_576): ServiceLog {
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let size = sizeOf(file);
  let stream = append(file);

  function keep(line: string): void {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    for (const listener of listeners) listener(line);
  }

  return {
    file,
    write: (chunk) => {
      if (size + chunk.length > maxBytes && size > 0) {
        stream.end();
        renameSync(file, `${file}.1`);
        stream = append(file);
        size = 0;
      }
      stream.write(chunk);
      size += chunk.length;
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = (parts.pop() ?? '').slice(0, LONGEST_LINE);
      for (const line of parts) keep(line.slice(0, LONGEST_LINE));
    },
    recent: (count) => lines.slice(-count),
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}

function append(file: string): WriteStream {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  // A full disk must not end the system: the newest lines are still in memory.
  stream.on('error', () => stream.destroy());
  return stream;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
