/**
 * All bytes of a stream without an encoding; `undefined` as soon as there are more than `maxBytes`, and the stream is closed then.
 * Rejects with what the stream fails with.
 */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
