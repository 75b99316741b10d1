import type { Clock } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import { audit } from '../audit.ts';
import type { BackendPool } from '../backends/backends.ts';
import { newSideOf } from '../backends/new-side.ts';
import { routeIdOf } from '../backends/route-id.ts';
import type { Exchange } from '../exchange.ts';
import type { RouteConfig } from '../model.ts';
import type { StranglerConfig } from '../policies/strangler/config.ts';
import { decide, type Plan, type Side, type Switchable } from '../policies/strangler/decide.ts';
import type { Timers } from '../time/timers.ts';
import type { BackendClient } from '../wire/backend/backend-call.ts';
import { readIgnored } from './compare-responses.ts';
import { createShadow, type ShadowCopy, type ShadowReport, type ShadowTap } from './shadow.ts';

/** One route with two implementations. */
export interface Strangler {
  /** The route as its new side: other target, scheme and template. The route itself is the legacy side. */
  readonly newSide: RouteConfig;
  /** Once for each request. */
  sideFor(exchange: Exchange): Plan;
  /** Is this status of the first side a reason to ask the other one? See `canFallBack` for whether that may be done. */
  fallsBackOn(status: number): boolean;
  countFallback(): void;
  /** Copies a request whose plan says so; `undefined` = not this time. */
  shadow(exchange: Exchange, copy: ShadowCopy): ShadowTap | undefined;
}

export interface Stranglers {
  /** The same one for the same options, with its state. `undefined` = the route has one implementation. */
  stranglerFor(route: RouteConfig): Strangler | undefined;
  /**
   * Changes who answers, until the configuration of the route changes, with a line in the log. `undefined` = there
   * is no such route. Throws `RangeError` for a percentage outside of 0 … 100.
   */
  switch(routeId: string, to: Partial<Switchable>, actor: string): Switchable | undefined;
  report(): readonly StranglerReport[];
  /** Forgets routes that are not part of the configuration any more. */
  retain(routes: readonly RouteConfig[]): void;
}

export interface StranglerReport extends Switchable {
  readonly route: string;
  readonly legacy: number;
  readonly new: number;
  readonly fallbacks: number;
  readonly shadow: ShadowReport;
}

interface StranglersDeps {
  readonly poolFor: (route: RouteConfig) => BackendPool;
  readonly backendClient: BackendClient;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

interface State {
  readonly fingerprint: string;
  readonly strangler: Strangler;
  current: Switchable;
  report(): StranglerReport;
}

export function createStranglers(deps: StranglersDeps): Stranglers {
  const { metrics, logger } = deps;
  const states = new Map<string, State>();
  const counters = {
    requests: metrics.counter(
      'gateway_strangler_requests_total',
      'Requests by the side that was asked first.',
      ['http_route', 'side'],
      '{request}',
    ),
    fallbacks: metrics.counter(
      'gateway_strangler_fallbacks_total',
      'Requests that the other side answered.',
      ['http_route'],
      '{request}',
    ),
    shadows: metrics.counter(
      'gateway_shadow_total',
      'Copied requests by what came of the comparison.',
      ['http_route', 'result'],
      '{request}',
    ),
  };

  return {
    stranglerFor: (route) => {
      const { strangler: config } = route;
      if (config === undefined) return undefined;
      const id = routeIdOf(route);
      const fingerprint = fingerprintOf(route, config);
      const known = states.get(id);
      if (known?.fingerprint === fingerprint) return known.strangler;
      const state = createState(route, config, { ...deps, ...counters, id, fingerprint });
      states.set(id, state);
      return state.strangler;
    },
    switch: (routeId, to, actor) => {
      const state = states.get(routeId);
      if (state === undefined) return undefined;
      const { percent = state.current.percent, mode = state.current.mode } = to;
      if (!(percent >= 0 && percent <= 100)) throw new RangeError(`percent must be 0 to 100, got ${percent}`);
      const from = state.current;
      state.current = { mode, percent };
      audit(logger, { actor, what: `strangler of ${routeId}`, from, to: state.current });
      return state.current;
    },
    report: () => [...states.values()].map((state) => state.report()),
    retain: (routes) => {
      const ids = new Set(routes.map(routeIdOf));
      for (const id of states.keys()) if (!ids.has(id)) states.delete(id);
    },
  };
}

/** Of all that a change of which ends what was switched by hand. */
function fingerprintOf(route: RouteConfig, config: StranglerConfig): string {
  return JSON.stringify([config, route.target, route.scheme, route.downstreamTemplate]);
}

interface StateDeps extends StranglersDeps {
  readonly id: string;
  readonly fingerprint: string;
  readonly requests: ReturnType<Metrics['counter']>;
  readonly fallbacks: ReturnType<Metrics['counter']>;
  readonly shadows: ReturnType<Metrics['counter']>;
}

function createState(route: RouteConfig, config: StranglerConfig, deps: StateDeps): State {
  const { id, fingerprint, random = Math.random } = deps;
  const newSide = newSideOf(route, config);
  const fallbackStatuses = new Set(config.fallbackStatuses);
  const asked: Record<Side, number> = { legacy: 0, new: 0 };
  const counted = {
    legacy: deps.requests.bind({ http_route: route.name, side: 'legacy' }),
    new: deps.requests.bind({ http_route: route.name, side: 'new' }),
  };
  const fallbackCounter = deps.fallbacks.bind({ http_route: route.name });
  let fallbacks = 0;
  const shadow = createShadow({
    ...deps,
    route: route.name,
    pool: () => deps.poolFor(newSide),
    ignored: readIgnored(config.ignore),
    now: deps.clock.now,
    count: (result) => deps.shadows.inc({ http_route: route.name, result }),
  });
  const state: State = {
    fingerprint,
    current: { mode: config.mode, percent: config.percent },
    report: () => ({ route: id, ...state.current, ...asked, fallbacks, shadow: shadow.report() }),
    strangler: {
      newSide,
      sideFor: (exchange) => {
        const plan = decide(exchange, state.current, config.stickyBy, random() * 100);
        asked[plan.first] += 1;
        counted[plan.first].inc();
        return plan;
      },
      fallsBackOn: (status) => fallbackStatuses.has(status),
      countFallback: () => {
        fallbacks += 1;
        fallbackCounter.inc();
      },
      shadow: shadow.copy,
    },
  };
  return state;
}
