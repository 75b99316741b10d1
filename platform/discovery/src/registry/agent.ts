import { type WatchedCheck, watchCheck } from './checks/watch-check.ts';
import type { CheckDefinition } from './decode/check-body.ts';
import { formatGoDuration } from './decode/go-duration.ts';
import type { Registration } from './decode/service-body.ts';
import type { Alarms } from './state/alarms.ts';
import type { Catalog } from './state/catalog.ts';
import type { CheckFacts, CheckRecord, ServiceRecord, Status } from './state/records.ts';

/** What is registered at this node, and what is done to know how it is. */
export interface Agent {
  readonly node: string;
  /** What was registered here: not what others have written into the catalog. */
  services(): readonly ServiceRecord[];
  service(id: string): ServiceRecord | undefined;
  allChecks(): readonly CheckRecord[];
  register(registration: Registration, how: { readonly replacesChecks: boolean }): void;
  deregister(id: string): boolean;
  registerCheck(check: CheckDefinition): void;
  deregisterCheck(check: CheckRecord): void;
  /** Checks with this id: those of several services may have the same. */
  checks(id: string): readonly CheckRecord[];
  /** `false` when it is no TTL check. */
  report(check: CheckRecord, status: Status, output: string): boolean;
  /** Of a service, or with an empty id of the node. */
  setMaintenance(serviceId: string, reason: string | undefined): void;
  /** Removes what was critical for longer than it wanted. */
  reap(): void;
  close(): void;
}

export interface AgentDeps {
  readonly node: string;
  readonly catalog: Catalog;
  readonly alarms: Alarms;
  readonly random: () => number;
  readonly nowMs: () => number;
}

interface Watched {
  readonly check: WatchedCheck;
  /** When it turned critical. */
  criticalSinceMs: number | undefined;
}

const DEFAULT_REASONS = {
  node: 'Maintenance mode is enabled for this node, but no reason was provided. This is a default message.',
  service:
    'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.',
};

export function createAgent(deps: AgentDeps): Agent {
  const { node, catalog, alarms, random, nowMs } = deps;
  const watched = new Map<string, Map<string, Watched>>();
  /** Services, or the empty id of the node, that have a check of this id. */
  const owners = new Map<string, Set<string>>();
  const registered = new Set<string>();

  function own(serviceId: string, id: string): void {
    owners.set(id, (owners.get(id) ?? new Set()).add(serviceId));
  }

  function disown(serviceId: string, id: string): void {
    const others = owners.get(id);
    others?.delete(serviceId);
    if (others?.size === 0) owners.delete(id);
  }

  function setStatus(facts: CheckFacts, status: Status, output: string): void {
    catalog.putCheck(node, facts, status, output);
    const known = watched.get(facts.serviceId)?.get(facts.id);
    if (known === undefined) return;
    known.criticalSinceMs = status === 'critical' ? (known.criticalSinceMs ?? nowMs()) : undefined;
  }

  function registerCheck(definition: CheckDefinition): void {
    const { serviceId, id } = definition;
    const known = catalog.check(node, serviceId, id);
    const facts = factsOf(definition);
    // Registering again must not make a sick instance look healthy, nor the reverse.
    const status = known?.status ?? definition.status;
    const siblings = watched.get(serviceId) ?? new Map<string, Watched>();
    watched.set(serviceId, siblings);
    const former = siblings.get(id);
    former?.check.stop();
    own(serviceId, id);
    const check = watchCheck(definition, {
      alarms,
      random,
      changed: (next, output) => setStatus(facts, next, output),
      readAlias: (probe) => readAlias(catalog, node, probe),
    });
    siblings.set(id, { check, criticalSinceMs: former?.criticalSinceMs });
    setStatus(facts, status, known?.output ?? '');
  }

  function forget(serviceId: string, id: string): void {
    const siblings = watched.get(serviceId);
    siblings?.get(id)?.check.stop();
    siblings?.delete(id);
    if (siblings?.size === 0) watched.delete(serviceId);
    disown(serviceId, id);
    catalog.removeCheck(node, serviceId, id);
  }

  function deregister(id: string): boolean {
    for (const { check } of watched.get(id)?.values() ?? []) {
      check.stop();
      disown(id, check.definition.id);
    }
    watched.delete(id);
    registered.delete(id);
    disown(id, maintenanceId(id));
    return catalog.removeService(node, id);
  }

  const service = (id: string) => (registered.has(id) ? catalog.service(node, id) : undefined);
  const checks = (id: string) =>
    [...(owners.get(id) ?? [])].flatMap((serviceId) => catalog.check(node, serviceId, id) ?? []);

  return {
    node,
    services: () => [...registered].flatMap((id) => service(id) ?? []),
    service,
    allChecks: () => [...owners.keys()].flatMap(checks),
    register: (registration, { replacesChecks }) => {
      const { id: serviceId } = registration.service;
      catalog.putService(node, registration.service);
      registered.add(serviceId);
      const kept = new Set(registration.checks.map(({ id }) => id));
      if (replacesChecks)
        for (const id of [...(watched.get(serviceId)?.keys() ?? [])])
          if (!kept.has(id)) forget(serviceId, id);
      for (const check of registration.checks) registerCheck(check);
    },
    deregister,
    registerCheck,
    deregisterCheck: ({ facts }) => forget(facts.serviceId, facts.id),
    checks,
    report: ({ facts }, status, output) => {
      const known = watched.get(facts.serviceId)?.get(facts.id)?.check;
      if (known?.definition.probe.type !== 'ttl') return false;
      known.report(status, output);
      return true;
    },
    setMaintenance: (serviceId, reason) => {
      const id = maintenanceId(serviceId);
      if (reason === undefined) return forget(serviceId, id);
      if (catalog.check(node, serviceId, id) !== undefined) return; // the first reason stays
      own(serviceId, id);
      catalog.putCheck(node, maintenance(serviceId, id, reason), 'critical', '');
    },
    reap: () => {
      for (const [serviceId, checks] of watched)
        for (const { check, criticalSinceMs = Number.POSITIVE_INFINITY } of checks.values()) {
          const { deregisterAfterMs } = check.definition;
          if (serviceId !== '' && deregisterAfterMs > 0 && nowMs() - criticalSinceMs > deregisterAfterMs)
            deregister(serviceId);
        }
    },
    close: () => {
      for (const checks of watched.values()) for (const { check } of checks.values()) check.stop();
    },
  };
}

function factsOf({ id, name, notes, probe, intervalMs, timeoutMs, serviceId }: CheckDefinition): CheckFacts {
  const isTimed = probe.type !== 'ttl' && probe.type !== 'alias';
  return {
    id,
    name,
    notes,
    type: probe.type,
    interval: isTimed ? formatGoDuration(intervalMs) : '',
    timeout: isTimed ? formatGoDuration(timeoutMs) : '',
    serviceId,
  };
}

function maintenanceId(serviceId: string): string {
  return serviceId === '' ? '_node_maintenance' : `_service_maintenance:${serviceId}`;
}

function maintenance(serviceId: string, id: string, reason: string): CheckFacts {
  const isNode = serviceId === '';
  return {
    id,
    name: isNode ? 'Node Maintenance Mode' : 'Service Maintenance Mode',
    notes: reason || DEFAULT_REASONS[isNode ? 'node' : 'service'],
    type: 'maintenance',
    interval: '',
    timeout: '',
    serviceId,
  };
}

function readAlias(
  catalog: Catalog,
  self: string,
  { node, serviceId }: { readonly node: string; readonly serviceId: string },
): { status: Status; output: string } {
  const holder = node || self;
  const service: ServiceRecord | undefined =
    serviceId === '' ? undefined : catalog.service(holder, serviceId);
  if (serviceId !== '' && service === undefined)
    return { status: 'critical', output: `Service ${serviceId} could not be found on node ${holder}` };
  const checks = service === undefined ? catalog.checksOn(holder) : catalog.checksOf(service);
  return worstOf(checks);
}

function worstOf(checks: readonly CheckRecord[]): { status: Status; output: string } {
  const worst =
    checks.find(({ status }) => status === 'critical') ?? checks.find(({ status }) => status === 'warning');
  if (worst === undefined) return { status: 'passing', output: 'All checks passing.' };
  return {
    status: worst.status,
    output: `Aliased check ${JSON.stringify(worst.facts.name)} failing: ${worst.output}`,
  };
}
