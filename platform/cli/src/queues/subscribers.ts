import type { SystemConfig } from '../config.ts';

/** The services that may have queues. */
export function subscribersOf({ services }: SystemConfig): readonly string[] {
  return Object.entries(services)
    .filter(([, { bus }]) => bus)
    .map(([name]) => name);
}
