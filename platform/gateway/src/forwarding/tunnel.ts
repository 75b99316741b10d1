import type { Duplex } from 'node:stream';

/**
 * Passes bytes both ways until one side ends, no faster than the slower one reads. Then the other side gets what is left and is closed
 * too: a half-open WebSocket is of use to nobody.
 */
export function tunnel(
  client: Duplex,
  backend: Duplex,
  early: Buffer,
  onClose: (bytes: number) => void,
): void {
  let bytes = early.length;
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    onClose(bytes);
  };
  const link = (from: Duplex, to: Duplex) => {
    from.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (to.writableFinished || to.destroyed) to.destroy();
      else to.end(() => to.destroy());
      close();
    });
  };
  link(client, backend);
  link(backend, client);
  if (early.length > 0) client.write(early);
  client.resume();
  backend.resume();
}
