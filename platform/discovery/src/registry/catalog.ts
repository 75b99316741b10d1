import type { CheckDefinition, ServiceDefinition, Status } from './service-definition.ts';

export interface Check {
  readonly definition: CheckDefinition;
  readonly status: Status;
  readonly output: string;
  readonly expiresAtMs: number;
  /** When it turned critical, `undefined` while it is not. */
  readonly criticalSinceMs: number | undefined;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface Instance {
  readonly definition: ServiceDefinition;
  readonly checks: ReadonlyMap<string, Check>;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/**
 * All instances, with a change index per service. Pure state: it knows no timers, time comes in as `nowMs`.
 * Indexes start at the epoch in milliseconds, so that they never go backwards over a restart.
 */
export interface Catalog {
  register(definition: ServiceDefinition, nowMs: number): void;
  deregister(id: string): void;
  /** Nothing happens when the instance has no such check. */
  report(id: string, checkId: string, status: Status, output: string, nowMs: number): void;
  /** Turns silent checks critical and removes instances that were critical for too long. */
  expire(nowMs: number): void;
  reap(nowMs: number): void;
  instance(id: string): Instance | undefined;
  /** Checks of several instances may have one id, if their owners chose so. */
  withCheck(checkId: string): readonly Instance[];
  instances(service: string): readonly Instance[];
  services(): ReadonlyMap<string, ReadonlySet<string>>;
  /** Index of one service, or of the whole catalog without a name. */
  index(service?: string): number;
}

/** `changed` is called after every change that queries can see, with the service it concerns. */
export function createCatalog(firstIndex: number, changed: (service: string) => void): Catalog {
  const instances = new Map<string, Instance>();
  const indexes = new Map<string, number>();
  let lastIndex = Math.max(1, firstIndex);

  function bump(service: string): number {
    lastIndex += 1;
    indexes.set(service, lastIndex);
    return lastIndex;
  }

  function remove(instance: Instance): void {
    instances.delete(instance.definition.id);
    bump(instance.definition.name);
    changed(instance.definition.name);
  }

  function replaceCheck(instance: Instance, check: Check, visible: boolean): void {
    const modifyIndex = visible ? bump(instance.definition.name) : check.modifyIndex;
    const checks = new Map(instance.checks).set(check.definition.id, { ...check, modifyIndex });
    instances.set(instance.definition.id, { ...instance, checks });
    if (visible) changed(instance.definition.name);
  }

  function setStatus(instance: Instance, check: Check, status: Status, output: string, nowMs: number): void {
    const since = status === 'critical' ? (check.criticalSinceMs ?? nowMs) : undefined;
    const expiresAtMs = nowMs + check.definition.ttlMs;
    const next = { ...check, status, output, expiresAtMs, criticalSinceMs: since };
    replaceCheck(instance, next, status !== check.status); // a new output alone wakes nobody
  }

  return {
    register: (definition, nowMs) => {
      const known = instances.get(definition.id);
      if (known !== undefined && known.definition.name !== definition.name) remove(known);
      const modifyIndex = bump(definition.name);
      const checks = definition.checks.map((check) => {
        // A known check keeps its state: registering again must not make a sick instance look healthy.
        const before = known?.checks.get(check.id);
        const status = before?.status ?? check.status;
        const criticalSinceMs = status === 'critical' ? (before?.criticalSinceMs ?? nowMs) : undefined;
        const createIndex = before?.createIndex ?? modifyIndex;
        const output = before?.output ?? '';
        const expiresAtMs = nowMs + check.ttlMs;
        return { definition: check, status, output, expiresAtMs, criticalSinceMs, createIndex, modifyIndex };
      });
      instances.set(definition.id, {
        definition,
        checks: new Map(checks.map((check) => [check.definition.id, check])),
        createIndex: known?.createIndex ?? modifyIndex,
        modifyIndex,
      });
      changed(definition.name);
    },
    deregister: (id) => {
      const instance = instances.get(id);
      if (instance !== undefined) remove(instance);
    },
    report: (id, checkId, status, output, nowMs) => {
      const instance = instances.get(id);
      const check = instance?.checks.get(checkId);
      if (instance && check) setStatus(instance, check, status, output, nowMs);
    },
    expire: (nowMs) => {
      for (const { definition } of [...instances.values()]) {
        for (const { id } of definition.checks) {
          const instance = instances.get(definition.id);
          const check = instance?.checks.get(id);
          if (instance === undefined || check === undefined) continue;
          if (check.status === 'critical' || check.expiresAtMs > nowMs) continue;
          const output = `TTL expired (last output before timeout follows): ${check.output}`;
          setStatus(instance, check, 'critical', output, nowMs);
        }
      }
    },
    reap: (nowMs) => {
      const overdue = ({ definition, criticalSinceMs }: Check) =>
        definition.deregisterAfterMs !== undefined &&
        criticalSinceMs !== undefined &&
        nowMs - criticalSinceMs > definition.deregisterAfterMs;
      for (const instance of [...instances.values()]) {
        if ([...instance.checks.values()].some(overdue)) remove(instance);
      }
    },
    instance: (id) => instances.get(id),
    withCheck: (checkId) => [...instances.values()].filter((instance) => instance.checks.has(checkId)),
    instances: (service) =>
      [...instances.values()].filter((instance) => instance.definition.name === service),
    services: () => {
      const names = new Map<string, Set<string>>();
      for (const { definition } of instances.values()) {
        const tags = names.get(definition.name) ?? new Set();
        names.set(definition.name, tags);
        for (const tag of definition.tags) tags.add(tag);
      }
      return names;
    },
    index: (service) => (service === undefined ? lastIndex : (indexes.get(service) ?? firstIndex)),
  };
}
