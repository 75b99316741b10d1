/** What identifies a delivery across channels. */
export interface Returnable {
  readonly messageId: string | undefined;
  /** How often the broker had taken it back when it was delivered. */
  readonly returns: number;
  readonly suspect: boolean;
}

/**
 * Tells a message that comes back because a process vanished from one that only lost its channel: a process that still
 * lives knows what it held. Whatever came back otherwise is suspect, also after an orderly end of another process: the
 * broker does not say why.
 */
export interface Survivors {
  /** The channel is gone, this process is not. */
  remember(held: Iterable<Returnable>): void;
  isSuspect(delivery: Omit<Returnable, 'suspect'>): boolean;
}

export function createSurvivors(): Survivors {
  const known = new Map<string, Returnable>();
  return {
    remember: (held) => {
      known.clear();
      for (const delivery of held) {
        if (delivery.messageId !== undefined) known.set(delivery.messageId, delivery);
      }
    },
    isSuspect: ({ messageId, returns }) => {
      if (returns === 0) return false;
      const before = messageId === undefined ? undefined : known.get(messageId);
      // Taken back more than once since: somebody else held it in between.
      if (messageId === undefined || before?.returns !== returns - 1) return true;
      known.delete(messageId);
      return before.suspect;
    },
  };
}
