import { type FileHandle, open } from 'node:fs/promises';
import { writeWhole } from '@flotilla/kernel/files';

const LOOK_MS = 1_000;

/**
 * Keeps a log that another process appends to at most about `maxBytes` long, and its newest `maxBytes` before that in
 * `<file>.1`. The file stays the same one, because the server holds it open. Returns how to end it.
 */
export function boundLog(file: string, maxBytes: number): () => void {
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    // A full disk must not end anything: what cannot be done now is tried again.
    looking = looking.then(() => cut(file, maxBytes)).catch(() => undefined);
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}

/** What is written between the last look and the cut is lost: those are microseconds. */
export async function cut(file: string, maxBytes: number): Promise<void> {
  await using log = await open(file, 'r+');
  const { size } = await log.stat();
  if (size <= maxBytes) return;
  const kept = await readFrom(log, size - maxBytes, size);
  const { size: now } = await log.stat();
  const rest = await readFrom(log, size, now);
  await writeWhole(`${file}.1`, Buffer.concat([kept, rest]));
  await log.truncate(0);
}

async function readFrom(log: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await log.read({ buffer: Buffer.alloc(end - start), position: start });
  return buffer.subarray(0, bytesRead);
}
