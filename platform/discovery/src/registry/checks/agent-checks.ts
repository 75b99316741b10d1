import type { CheckDefinition } from '../decode/check-body.ts';
import { formatGoDuration } from '../decode/go-duration.ts';
import type { Alarms } from '../state/alarms.ts';
import type { Catalog } from '../state/catalog.ts';
import type { CheckFacts, CheckRecord, ServiceRecord, Status } from '../state/records.ts';
import { type WatchedCheck, watchCheck } from './watch-check.ts';

/** The checks of one node: those that are carried out here, and those that only stand here. */
export interface AgentChecks {
  all(): readonly CheckRecord[];
  /** Those of several services may have the same id. */
  withId(id: string): readonly CheckRecord[];
  /** Ids of the checks of a service that are carried out. */
  watchedIn(serviceId: string): readonly string[];
  /** Carries it out from now on. */
  watch(definition: CheckDefinition): void;
  /** Of one that is not carried out: it is listed by `all` and `withId`. */
  own(serviceId: string, id: string): void;
  disown(serviceId: string, id: string): void;
  /** `false` when it is no TTL check. */
  report(check: CheckRecord, status: Status, output: string): boolean;
  forget(serviceId: string, id: string): void;
  /** Of a service that goes; its checks leave the catalog with it. */
  stopAllOf(serviceId: string): void;
  /** Services with a check that was critical for longer than it wanted. */
  criticalForTooLong(): Iterable<string>;
  close(): void;
}

export interface AgentChecksDeps {
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

export function createAgentChecks({ node, catalog, alarms, random, nowMs }: AgentChecksDeps): AgentChecks {
  /** By service, or the empty id of the node, and id. */
  const watched = new Map<string, Map<string, Watched>>();
  /** Services, or the empty id of the node, that have a check of this id. */
  const owners = new Map<string, Set<string>>();

  const withId = (id: string) =>
    [...(owners.get(id) ?? [])].flatMap((serviceId) => catalog.check(node, serviceId, id) ?? []);

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

  function watch(definition: CheckDefinition): void {
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

  return {
    all: () => [...owners.keys()].flatMap(withId),
    withId,
    watchedIn: (serviceId) => [...(watched.get(serviceId)?.keys() ?? [])],
    ...{ watch, own, disown },
    report: ({ facts }, status, output) => {
      const known = watched.get(facts.serviceId)?.get(facts.id)?.check;
      if (known?.definition.probe.type !== 'ttl') return false;
      known.report(status, output);
      return true;
    },
    forget: (serviceId, id) => {
      const siblings = watched.get(serviceId);
      siblings?.get(id)?.check.stop();
      siblings?.delete(id);
      if (siblings?.size === 0) watched.delete(serviceId);
      disown(serviceId, id);
      catalog.removeCheck(node, serviceId, id);
    },
    stopAllOf: (serviceId) => {
      for (const { check } of watched.get(serviceId)?.values() ?? []) {
        check.stop();
        disown(serviceId, check.definition.id);
      }
      watched.delete(serviceId);
    },
    criticalForTooLong: function* () {
      for (const [serviceId, checks] of watched)
        for (const { check, criticalSinceMs = Number.POSITIVE_INFINITY } of checks.values()) {
          const { deregisterAfterMs } = check.definition;
          const isOver = deregisterAfterMs > 0 && nowMs() - criticalSinceMs > deregisterAfterMs;
          if (serviceId !== '' && isOver) yield serviceId;
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
