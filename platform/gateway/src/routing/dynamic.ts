import type { DynamicConfig, DynamicPolicy } from '../model.ts';
import type { Target } from '../wire/rules/target.ts';

export interface DynamicFound {
  readonly kind: 'dynamic';
  readonly policy: DynamicPolicy;
  readonly service: string;
  readonly namespace: string | undefined;
  readonly path: string;
  readonly values: Map<string, string>;
}

// A name ends up in a look-up of the registry: nothing in it may mean something there.
const SERVICE = /^[A-Za-z0-9_-]+$/;

/** The service that the first segment names: `/orders/7` is `/7` of `orders`, `/shop.orders/7` that of namespace `shop`. */
export function findDynamic(config: DynamicConfig, { path }: Target): DynamicFound | undefined {
  const slash = path.indexOf('/', 1);
  const segment = slash === -1 ? path.slice(1) : path.slice(1, slash);
  const dot = segment.indexOf('.');
  const named = dot === -1 ? undefined : segment.slice(0, dot);
  const service = segment.slice(dot + 1);
  if (!SERVICE.test(service) || (named !== undefined && !SERVICE.test(named))) return undefined;
  const policy = config.services.get(service) ?? config.defaults;
  return {
    kind: 'dynamic',
    policy,
    service,
    namespace: named ?? policy.namespace,
    path: slash === -1 ? '/' : path.slice(slash),
    values: new Map(),
  };
}
