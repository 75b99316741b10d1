/** How many parts a queue and an outbox have. One part has one worker at a time, which keeps each key in order. */
export const SHARDS = 16;

/** The part a key belongs to: FNV-1a over its UTF-16 units, stable for ever because rows are stored with it. */
export function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return ((hash ^ (hash >>> 16)) >>> 0) % SHARDS;
}
