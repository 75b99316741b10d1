const MAX_BYTES = 1024 * 1024;

/** Loads a JWK set of at most 1 MiB; no redirect is followed. Throws when it is not had or is no JSON. */
export async function fetchJwks(url: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    throw new Error(`the key set was answered with ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
}
