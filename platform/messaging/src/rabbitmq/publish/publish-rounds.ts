import type { OutgoingMessage } from '../../transport.ts';

/**
 * Cuts a batch into rounds; each is written at once and confirmed before the next. A round has one message of a key at
 * most: the broker may return or refuse any message and store what was written behind it, which would overtake it.
 */
export function publishRounds(
  messages: readonly OutgoingMessage[],
  maxBytes: number,
): readonly (readonly OutgoingMessage[])[] {
  const roundsOfKey = new Map<string, number>();
  const rounds: OutgoingMessage[][] = [];
  for (const message of messages) {
    const round = roundsOfKey.get(message.key) ?? 0;
    roundsOfKey.set(message.key, round + 1);
    if (round === rounds.length) rounds.push([]);
    rounds[round]?.push(message);
  }
  return rounds.flatMap((round) => cut(round, maxBytes));
}

function cut(messages: readonly OutgoingMessage[], maxBytes: number): OutgoingMessage[][] {
  const parts: OutgoingMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const size = Buffer.byteLength(message.body);
    bytes += size;
    if (bytes > maxBytes) {
      parts.push([]);
      bytes = size;
    }
    parts.at(-1)?.push(message);
  }
  return parts;
}
