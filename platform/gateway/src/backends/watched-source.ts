import type { ServiceWatch } from '@flotilla/discovery';
import { createReader } from './found-reader.ts';
import type { InstanceSource } from './instance-source.ts';

/** The instances of a service that discovery watches, for all routes together. */
export function createWatchedSource(watch: ServiceWatch): InstanceSource {
  const read = createReader();
  return {
    get isHopeful() {
      return watch.isHopeful;
    },
    current: () => {
      const endpoints = watch.current();
      return endpoints && read(endpoints);
    },
    load: async () => read(await watch.load()),
  };
}
