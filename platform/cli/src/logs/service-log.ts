import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

export interface ServiceLog {
  /** Output of the process as it comes. */
  write(chunk: Buffer): void;
  /** The newest lines, oldest first. */
  recent(count: number): readonly string[];
  /** Called with every complete line until it is taken off again. */
  follow(listener: (line: string) => void): () => void;
  close(): void;
}

const KEPT_LINES = 500;
const LONGEST_LINE = 16_384;

/** Keeps the output of one process in a file, at most twice `maxBytes` on disk, and its last lines in memory. */
export function openServiceLog(file: string, maxBytes: number = 10 * 1_048_576): ServiceLog {
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const decoder = new StringDecoder('utf8');
  const disk = openRotating(file, maxBytes);
  let rest = '';

  function keep(line: string): void {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    for (const listener of listeners) listener(line);
  }

  return {
    write: (chunk) => {
      disk.write(chunk);
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = (parts.pop() ?? '').slice(0, LONGEST_LINE);
      for (const line of parts) keep(line.slice(0, LONGEST_LINE));
    },
    recent: (count) => lines.slice(-count),
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: disk.close,
  };
}

/** Written at once, so that the lines before a crash are there; a chunk only goes to the page cache. */
function openRotating(file: string, maxBytes: number) {
  const open = () => openSync(file, 'a', 0o600);
  let descriptor: number | undefined = open();
  let size = fstatSync(descriptor).size;

  function rotate(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
    renameSync(file, `${file}.1`);
    descriptor = open();
    size = 0;
  }

  return {
    write: (chunk: Buffer) => {
      try {
        if (size > 0 && size + chunk.length > maxBytes) rotate();
        descriptor ??= open();
        size += writeSync(descriptor, chunk);
      } catch {
        // A full disk must not end the system: the newest lines are still in memory.
      }
    },
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
