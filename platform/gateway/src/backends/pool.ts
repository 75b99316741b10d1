import { type Instances, learn, mayEject } from '@flotilla/resilience';
import type { Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import type { VersionConfig } from '../policies/versions/config.ts';
import type { Timers } from '../time/timers.ts';
import type { Backend, BackendPool, CallOutcome, Tried } from './backends.ts';
import { type ChooseDeps, createChoose, nearest } from './balancers.ts';
import { type Candidate, createCandidate, type Found } from './candidate.ts';
import { type InstanceSource, isSameFound } from './instance-source.ts';
import type { Probes } from './probes.ts';
import { type StickySessions, sessionOf } from './sticky.ts';
import { chooseGroup, createVersions, groupByVersion, type VersionGroup } from './versions.ts';

export interface Pool extends BackendPool {
  readonly candidates: readonly Candidate[];
  readonly versions: readonly VersionConfig[];
  setVersions(versions: readonly VersionConfig[]): void;
  /** May this instance be chosen while others are there? */
  isUsable(candidate: Candidate): boolean;
  /** Ends its health checks; what is in flight goes on. */
  close(): void;
}

export interface PoolDeps extends ChooseDeps {
  readonly source: InstanceSource;
  readonly instances: Instances;
  readonly probes: Probes;
  readonly sticky: StickySessions | undefined;
  readonly timers: Timers;
  readonly onEjected: (candidate: Candidate) => void;
}

export function createPool(route: RouteConfig, deps: PoolDeps): Pool {
  const { source, instances, probes, sticky, timers } = deps;
  const { balancer, health } = route;
  const newChoose = () => sticky?.choose ?? createChoose(balancer, deps);
  let configured = route.versions;
  let versions = createVersions(configured, newChoose);
  let found: readonly Found[] | undefined;
  let candidates: readonly Candidate[] = [];
  let usable: readonly Candidate[] = [];
  let groups: readonly VersionGroup[] = [];
  let epoch = -1;
  let isClosed = false;

  function isUsable({ instance, probe }: Candidate): boolean {
    if (instance.isHeldOut || probe?.isHealthy === false) return false;
    return !(instance.isEjected && health.passive !== undefined);
  }

  /** Instances that stay keep what was learnt about them. */
  function adopt(next: readonly Found[]): void {
    found = next;
    const before = candidates;
    candidates = next.map((one) => {
      const same = before.find((known) => isSameFound(known.found, one));
      return same ?? createCandidate(one, route, instances);
    });
    for (const gone of before) if (!candidates.includes(gone)) endProbe(gone);
    if (health.active !== undefined && !isClosed)
      for (const one of candidates) one.probe ??= probes.use(one.origin, one.authority, health.active);
    epoch = -1;
  }

  function endProbe(candidate: Candidate): void {
    if (candidate.probe !== undefined) probes.release(candidate.probe);
    candidate.probe = undefined;
  }

  /** When all are out all are in: a wrong guess of the gateway must not end the service. An operator's word holds. */
  function refresh(): void {
    epoch = instances.epoch;
    usable = candidates.filter(isUsable);
    if (usable.length === 0) usable = candidates.filter(({ instance }) => !instance.isHeldOut);
    groups = arrange(usable);
  }

  function arrange(from: readonly Candidate[]): readonly VersionGroup[] {
    const near = balancer.type === 'ZoneAware' ? nearest(from, balancer.zone) : from;
    return groupByVersion(near, versions);
  }

  function select(list: readonly Found[], exchange: Exchange, tried: Tried): Backend | undefined {
    if (list !== found) adopt(list);
    if (epoch !== instances.epoch) refresh();
    if (tried.refused.size > 0 || tried.avoid.size > 0) {
      const left = untried(usable, candidates, tried);
      return take(arrange(left), left, exchange);
    }
    return take(groups, usable, exchange);
  }

  function take(
    from: readonly VersionGroup[],
    all: readonly Candidate[],
    exchange: Exchange,
  ): Candidate | undefined {
    if (sticky !== undefined && balancer.type === 'CookieStickySessions')
      return takeSticky(from, all, exchange, sticky, balancer);
    return chooseFrom(from, exchange);
  }

  function chooseFrom(from: readonly VersionGroup[], exchange: Exchange): Candidate | undefined {
    const group = chooseGroup(from);
    return group !== undefined && isFilled(group.candidates)
      ? group.version.choose(group.candidates, exchange)
      : undefined;
  }

  function takeSticky(
    from: readonly VersionGroup[],
    all: readonly Candidate[],
    exchange: Exchange,
    sessions: StickySessions,
    { cookie, expiryMs }: { readonly cookie: string; readonly expiryMs: number },
  ): Candidate | undefined {
    const session = sessionOf(exchange.request, cookie);
    if (session === undefined) return chooseFrom(from, exchange);
    const home = sessions.find(session, timers.nowMs, expiryMs);
    const known = home === undefined ? undefined : all.find(({ instance }) => instance.address === home);
    if (known !== undefined) return known;
    const chosen = chooseFrom(from, exchange);
    if (chosen !== undefined) sessions.assign(session, chosen.instance.address, timers.nowMs + expiryMs);
    return chosen;
  }

  function judge(candidate: Candidate, outcome: CallOutcome, durationMs: number): void {
    const { instance } = candidate;
    const isGood = outcome === 'answered';
    learn(instance, isGood ? 'answered' : 'failed', durationMs);
    if (isGood || health.passive === undefined || !mayEject(instance, candidates, health.passive)) return;
    instances.eject(instance, health.passive.ejectionMs);
    deps.onEjected(candidate);
  }

  return {
    get isHopeful() {
      return source.isHopeful;
    },
    get candidates() {
      return candidates;
    },
    get versions() {
      return configured;
    },
    setVersions: (next) => {
      configured = next;
      versions = createVersions(next, newChoose);
      epoch = -1;
    },
    isUsable,
    pick: (exchange, tried) => {
      const known = source.current();
      if (known !== undefined) return select(known, exchange, tried);
      return source.load().then((list) => select(list, exchange, tried));
    },
    began: (backend) => {
      own(backend).instance.inFlight += 1;
    },
    ended: (backend, outcome, durationMs) => {
      const candidate = own(backend);
      candidate.instance.inFlight -= 1;
      if (outcome !== 'abandoned') judge(candidate, outcome, durationMs);
    },
    close: () => {
      isClosed = true;
      for (const candidate of candidates) endProbe(candidate);
    },
  };
}

/** Every back end that a pool is told about was picked from it. */
function own(backend: Backend): Candidate {
  return backend as Candidate;
}

function isFilled(list: readonly Candidate[]): list is readonly [Candidate, ...Candidate[]] {
  return list.length > 0;
}

/**
 * Usable instances that were not tried; else unusable ones that were not; else those that took the request and
 * gave nothing. Those that took no connection are never asked again.
 */
export function untried(
  usable: readonly Candidate[],
  all: readonly Candidate[],
  { refused, avoid }: Tried,
): readonly Candidate[] {
  const isNew = ({ id }: Candidate) => !refused.has(id) && !avoid.has(id);
  const fresh = usable.filter(isNew);
  if (fresh.length > 0) return fresh;
  const open = all.filter(({ instance }) => !instance.isHeldOut);
  const doubtful = open.filter(isNew);
  return doubtful.length > 0 ? doubtful : open.filter(({ id }) => !refused.has(id));
}
