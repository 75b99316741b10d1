import { type Instances, learn, mayEject } from '@flotilla/resilience';
import type { Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import type { VersionConfig } from '../policies/versions/config.ts';
import type { Timers } from '../time/timers.ts';
import type { Backend, BackendPool, CallOutcome, Tried } from './backends.ts';
import { type Choose, type ChooseDeps, createChoose, nearest } from './balancers.ts';
import { type Candidate, createCandidate, type Found } from './candidate.ts';
import { isSameFound } from './found-reader.ts';
import type { InstanceSource } from './instance-source.ts';
import type { Probes } from './probes.ts';
import { type StickySessions, sessionOf } from './sticky.ts';
import { createStickyCookie, type StickyCookie } from './sticky-cookie.ts';
import { chooseGroup, createVersions, groupByVersion, type VersionGroup, type Versions } from './versions.ts';

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
  return new RoutePool(route, deps);
}

/** A class, so that what is derived from what is seen: instances → usable ones → groups of a version. */
class RoutePool implements Pool {
  readonly #route: RouteConfig;
  readonly #deps: PoolDeps;
  #configured: readonly VersionConfig[];
  #versions: Versions;
  #found: readonly Found[] | undefined;
  #candidates: readonly Candidate[] = [];
  #usable: readonly Candidate[] = [];
  #groups: readonly VersionGroup[] = [];
  #epoch: number = -1;
  #isClosed: boolean = false;
  readonly #cookie: StickyCookie | undefined;

  constructor(route: RouteConfig, deps: PoolDeps) {
    this.#route = route;
    this.#deps = deps;
    this.#configured = route.versions;
    const { balancer } = route;
    this.#cookie = balancer.type === 'StickyCookie' ? createStickyCookie(balancer) : undefined;
    this.#versions = createVersions(route.versions, () => this.#newChoose());
  }

  get isHopeful(): boolean {
    return this.#deps.source.isHopeful;
  }

  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  get versions(): readonly VersionConfig[] {
    return this.#configured;
  }

  setVersions(next: readonly VersionConfig[]): void {
    this.#configured = next;
    this.#versions = createVersions(next, () => this.#newChoose());
    this.#epoch = -1;
  }

  pick(exchange: Exchange, tried: Tried): Backend | undefined | Promise<Backend | undefined> {
    const { source } = this.#deps;
    const known = source.current();
    if (known !== undefined) return this.#select(known, exchange, tried);
    return source.load().then((list) => this.#select(list, exchange, tried));
  }

  began(backend: Backend): void {
    own(backend).instance.inFlight += 1;
  }

  ended(backend: Backend, outcome: CallOutcome, durationMs: number): void {
    const candidate = own(backend);
    candidate.instance.inFlight -= 1;
    if (outcome !== 'abandoned') this.#judge(candidate, outcome, durationMs);
  }

  close(): void {
    this.#isClosed = true;
    for (const candidate of this.#candidates) this.#endProbe(candidate);
  }

  #newChoose(): Choose {
    return this.#deps.sticky?.choose ?? createChoose(this.#route.balancer, this.#deps);
  }

  isUsable({ instance, probe }: Candidate): boolean {
    if (instance.isHeldOut || probe?.isHealthy === false) return false;
    return !(instance.isEjected && this.#route.health.passive !== undefined);
  }

  /** Instances that stay keep what was learnt about them. */
  #adopt(next: readonly Found[]): void {
    this.#found = next;
    const before = this.#candidates;
    this.#candidates = next.map((one) => {
      const same = before.find((known) => isSameFound(known.found, one));
      return same ?? createCandidate(one, this.#route, this.#deps.instances);
    });
    for (const gone of before) if (!this.#candidates.includes(gone)) this.#endProbe(gone);
    if (this.#route.health.active !== undefined && !this.#isClosed)
      for (const one of this.#candidates)
        one.probe ??= this.#deps.probes.use(one.origin, one.authority, this.#route.health.active);
    this.#epoch = -1;
  }

  #endProbe(candidate: Candidate): void {
    if (candidate.probe !== undefined) this.#deps.probes.release(candidate.probe);
    candidate.probe = undefined;
  }

  /** When all are out all are in: a wrong guess of the gateway must not end the service. An operator's word holds. */
  #refresh(): void {
    this.#epoch = this.#deps.instances.epoch;
    this.#usable = this.#candidates.filter((one) => this.isUsable(one));
    if (this.#usable.length === 0)
      this.#usable = this.#candidates.filter(({ instance }) => !instance.isHeldOut);
    this.#groups = this.#arrange(this.#usable);
  }

  #arrange(from: readonly Candidate[]): readonly VersionGroup[] {
    const near = this.#route.balancer.type === 'ZoneAware' ? nearest(from, this.#route.balancer.zone) : from;
    return groupByVersion(near, this.#versions);
  }

  #select(list: readonly Found[], exchange: Exchange, tried: Tried): Backend | undefined {
    if (list !== this.#found) this.#adopt(list);
    if (this.#epoch !== this.#deps.instances.epoch) this.#refresh();
    if (tried.refused.size > 0 || tried.avoid.size > 0) {
      const left = untried(this.#usable, this.#candidates, tried);
      return this.#take(this.#arrange(left), left, exchange);
    }
    return this.#take(this.#groups, this.#usable, exchange);
  }

  #take(from: readonly VersionGroup[], all: readonly Candidate[], exchange: Exchange): Candidate | undefined {
    if (this.#deps.sticky !== undefined && this.#route.balancer.type === 'CookieStickySessions')
      return this.#takeSticky(from, all, exchange, this.#deps.sticky, this.#route.balancer);
    if (this.#cookie !== undefined) return this.#takeByCookie(from, all, exchange, this.#cookie);
    return this.#chooseFrom(from, exchange);
  }

  /** One that has gone, or is left out, is nobody's home any more. */
  #takeByCookie(
    from: readonly VersionGroup[],
    all: readonly Candidate[],
    exchange: Exchange,
    cookie: StickyCookie,
  ): Candidate | undefined {
    const mark = cookie.markIn(exchange.request);
    const known = mark === undefined ? undefined : all.find(({ id }) => cookie.markOf(id) === mark);
    return known ?? this.#chooseFrom(from, exchange);
  }

  #chooseFrom(from: readonly VersionGroup[], exchange: Exchange): Candidate | undefined {
    const group = chooseGroup(from);
    return group !== undefined && isFilled(group.candidates)
      ? group.version.choose(group.candidates, exchange)
      : undefined;
  }

  #takeSticky(
    from: readonly VersionGroup[],
    all: readonly Candidate[],
    exchange: Exchange,
    sessions: StickySessions,
    { cookie, expiryMs }: { readonly cookie: string; readonly expiryMs: number },
  ): Candidate | undefined {
    const session = sessionOf(exchange.request, cookie);
    if (session === undefined) return this.#chooseFrom(from, exchange);
    const home = sessions.find(session, this.#deps.timers.nowMs, expiryMs);
    const known = home === undefined ? undefined : all.find(({ instance }) => instance.address === home);
    if (known !== undefined) return known;
    const chosen = this.#chooseFrom(from, exchange);
    if (chosen !== undefined)
      sessions.assign(session, chosen.instance.address, this.#deps.timers.nowMs + expiryMs);
    return chosen;
  }

  #judge(candidate: Candidate, outcome: CallOutcome, durationMs: number): void {
    const { instance } = candidate;
    const isGood = outcome === 'answered';
    learn(instance, isGood ? 'answered' : 'failed', durationMs);
    if (
      isGood ||
      this.#route.health.passive === undefined ||
      !mayEject(instance, this.#candidates, this.#route.health.passive)
    )
      return;
    this.#deps.instances.eject(instance, this.#route.health.passive.ejectionMs);
    this.#deps.onEjected(candidate);
  }
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
