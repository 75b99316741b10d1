import { toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';

/** What has to be undone at the end, in reverse order. */
export interface Disposal {
  defer(name: string, dispose: () => Promise<void> | void): void;
  /** Runs each once. One that fails is logged and does not keep the others from running. */
  dispose(): Promise<void>;
}

export function createDisposal(logger: Logger): Disposal {
  const deferred: { readonly name: string; readonly dispose: () => Promise<void> | void }[] = [];
  return {
    defer: (name, dispose) => {
      deferred.push({ name, dispose });
    },
    dispose: async () => {
      for (let next = deferred.pop(); next !== undefined; next = deferred.pop()) {
        try {
          await next.dispose();
        } catch (error) {
          logger.error({ resource: next.name, err: toError(error) }, 'a resource could not be closed');
        }
      }
    },
  };
}
