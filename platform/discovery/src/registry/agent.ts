import { createAgentChecks } from './checks/agent-checks.ts';
import type { CheckDefinition } from './decode/check-body.ts';
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

const DEFAULT_REASONS = {
  node: 'Maintenance mode is enabled for this node, but no reason was provided. This is a default message.',
  service:
    'Maintenance mode is enabled for this service, but no reason was provided. This is a default message.',
};

export function createAgent(deps: AgentDeps): Agent {
  const { node, catalog } = deps;
  const checks = createAgentChecks(deps);
  const registered = new Set<string>();

  const service = (id: string) => (registered.has(id) ? catalog.service(node, id) : undefined);

  function deregister(id: string): boolean {
    checks.stopAllOf(id);
    checks.disown(id, maintenanceId(id));
    registered.delete(id);
    return catalog.removeService(node, id);
  }

  return {
    node,
    services: () => [...registered].flatMap((id) => service(id) ?? []),
    service,
    allChecks: checks.all,
    register: (registration, { replacesChecks }) => {
      const { id: serviceId } = registration.service;
      catalog.putService(node, registration.service);
      registered.add(serviceId);
      const kept = new Set(registration.checks.map(({ id }) => id));
      if (replacesChecks)
        for (const id of checks.watchedIn(serviceId)) if (!kept.has(id)) checks.forget(serviceId, id);
      for (const check of registration.checks) checks.watch(check);
    },
    deregister,
    registerCheck: checks.watch,
    deregisterCheck: ({ facts }) => checks.forget(facts.serviceId, facts.id),
    checks: checks.withId,
    report: checks.report,
    setMaintenance: (serviceId, reason) => {
      const id = maintenanceId(serviceId);
      if (reason === undefined) return checks.forget(serviceId, id);
      if (catalog.check(node, serviceId, id) !== undefined) return; // the first reason stays
      checks.own(serviceId, id);
      catalog.putCheck(node, maintenance(serviceId, id, reason), 'critical', '');
    },
    reap: () => {
      for (const serviceId of checks.criticalForTooLong()) deregister(serviceId);
    },
    close: checks.close,
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
