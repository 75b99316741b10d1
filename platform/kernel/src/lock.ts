/** Lets work happen side by side, or one piece of it entirely alone. In the memory of this process. */
export interface Lock {
  /** Resolves when work may begin beside others; call the result when it has ended. */
  shared(): Promise<() => void>;
  /** Waits until nothing else is in work, keeps everything else out, runs `work`. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

export function createLock(): Lock {
  let inside = 0;
  let onEmpty: (() => void) | undefined;
  // Set while somebody waits to be alone, too: else a steady stream of other work would keep it waiting for ever.
  let reserved: Promise<void> | undefined;

  function leave(): void {
    inside -= 1;
    if (inside === 0) onEmpty?.();
  }

  return {
    shared: async () => {
      while (reserved) await reserved;
      inside += 1;
      return leave;
    },
    exclusive: async (work) => {
      while (reserved) await reserved;
      const { promise, resolve: release } = Promise.withResolvers<void>();
      reserved = promise;
      try {
        if (inside > 0) {
          await new Promise<void>((resolve) => {
            onEmpty = resolve;
          });
        }
        return await work();
      } finally {
        onEmpty = undefined;
        reserved = undefined;
        release();
      }
    },
  };
}
