import { isPlatformError } from '@flotilla/kernel';
import type { Logger, Metrics } from '@flotilla/telemetry';
import type { EjectionOptions } from '../failures/ejection.ts';
import { judgePlatformError } from '../failures/verdict.ts';
import { type Policy, policy } from '../policy/policy.ts';
import type { PolicyOptions, PolicyState } from '../policy/policy-options.ts';
import { systemTimers, type Timers } from '../time/timers.ts';
import type { Faults, InjectedFault } from './faults.ts';
import { createReach } from './reach.ts';
import { createTargets, type TargetState, type Targets } from './targets.ts';

/** What a system's configuration may say about the calls of one service to another. */
export interface EdgeSettings
  extends Pick<
    PolicyOptions,
    'deadlineMs' | 'attemptMs' | 'retry' | 'breaker' | 'bulkhead' | 'adaptive' | 'hedge' | 'rate'
  > {
  /** Default: 5 failures in a row, out for 10 s, never more than half of the instances. */
  readonly ejection?: Partial<EjectionOptions> | false;
}

/** The calls of this service to one other: their policy, and what they have learnt about its instances. */
export interface Edge extends Pick<Targets, 'choose' | 'at' | 'drained'> {
  readonly policy: Policy;
  /** A fault that this attempt must suffer. */
  injected(): InjectedFault | undefined;
  state(): EdgeState;
}

export interface EdgeState extends PolicyState {
  /** How many milliseconds ago the last instance stopped taking connections; `undefined`: at least one takes them. */
  readonly lostForMs: number | undefined;
  readonly instances: readonly TargetState[];
}

/** All calls of one service. */
export interface Edges {
  /** `options` are the client's own; the system's configuration takes precedence. One edge for each service and protocol. */
  to(service: string, options?: EdgeOptions): Edge;
  state(): readonly EdgeState[];
}

export type EdgeOptions = Omit<PolicyOptions, 'name' | 'onBreakerChange' | 'onRetry'> & {
  /** Distinguishes the edges of a service that speaks two protocols. */
  readonly protocol?: string;
  readonly ejection?: EdgeSettings['ejection'];
};

export interface EdgesOptions {
  /** The service that calls. */
  readonly caller: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** By the name of the service that is called. */
  readonly settings?: Readonly<Record<string, EdgeSettings>>;
  readonly faults?: Faults;
  readonly timers?: Timers;
  readonly random?: () => number;
}

const EJECTION: EjectionOptions = { consecutiveFailures: 5, ejectionMs: 10_000, maxEjectedPercent: 50 };

export function createEdges(options: EdgesOptions): Edges {
  const edges: Edge[] = [];
  exposeStates(options.metrics, () => edges.map((edge) => edge.state()));
  return {
    to: (service, own = {}) => {
      const edge = createEdge(service, { ...own, ...options.settings?.[service] }, options);
      edges.push(edge);
      return edge;
    },
    state: () => edges.map((edge) => edge.state()),
  };
}

function createEdge(service: string, options: EdgeOptions, deps: EdgesOptions): Edge {
  const { caller, logger, metrics, faults } = deps;
  const { hedge, protocol, judge = judgePlatformError } = options;
  const timers = options.timers ?? deps.timers ?? systemTimers;
  const random = options.random ?? deps.random ?? Math.random;
  const name = `${caller}→${service}${protocol === undefined ? '' : ` ${protocol}`}`;
  const injections = metrics.counter(
    'resilience_faults_injected_total',
    'Faults injected.',
    ['edge', 'kind'],
    '{fault}',
  );
  const reach = createReach(timers, random);
  const ejection = options.ejection === false ? undefined : { ...EJECTION, ...options.ejection };
  const targets = createTargets({ name, timers, judge, ejection, reach, logger });
  const run = policy({
    ...options,
    ...{ name, timers, random, judge },
    // With a single instance there is nowhere else to go.
    hedge: hedge ? { ...hedge, isUseful: () => targets.size > 1 } : false,
    onBreakerChange: (state) => logger.warn({ edge: name, state }, 'a circuit has changed'),
    onRetry: (error, attempt, delayMs) =>
      logger.debug({ edge: name, attempt, delayMs, code: codeOf(error) }, 'a call is tried again'),
  });
  return {
    policy: run,
    choose: targets.choose,
    at: targets.at,
    drained: targets.drained,
    injected: () => {
      const fault = faults?.next(caller, service);
      if (fault !== undefined) injections.inc({ edge: name, kind: fault.kind });
      return fault;
    },
    state: () => ({ ...run.state(), lostForMs: reach.lostForMs, instances: targets.state() }),
  };
}

function codeOf(error: unknown): string | undefined {
  return isPlatformError(error) ? error.code : undefined;
}

const COUNTED = [
  'calls',
  'attempts',
  'retries',
  'retriesDenied',
  'hedges',
  'hedgesWon',
  'fallbacks',
  'coalesced',
  'deadlines',
  'hopeless',
  'circuitRefusals',
  'overloads',
  'stale',
] as const;
const BREAKER_LEVEL = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Read at each scrape: calls themselves only add to plain numbers. */
function exposeStates(metrics: Metrics, states: () => readonly EdgeState[]): void {
  const counts = metrics.counter(
    'resilience_edge_events_total',
    'What became of calls, by what was counted.',
    ['edge', 'of'],
    '{event}',
  );
  const running = metrics.gauge(
    'resilience_edge_running',
    'Attempts under way, zombies included.',
    ['edge'],
    '{attempt}',
  );
  const zombies = metrics.gauge(
    'resilience_edge_zombies',
    'Attempts that nobody waits for any more.',
    ['edge'],
    '{attempt}',
  );
  const queued = metrics.gauge(
    'resilience_edge_queued',
    'Attempts that wait for a slot.',
    ['edge'],
    '{attempt}',
  );
  const limit = metrics.gauge('resilience_edge_limit', 'Attempts allowed at a time.', ['edge'], '{attempt}');
  const breaker = metrics.gauge(
    'resilience_edge_breaker',
    '0 closed, 1 half-open, 2 open.',
    ['edge'],
    '{state}',
  );
  const ejected = metrics.gauge(
    'resilience_edge_ejected',
    'Instances that get no calls for a while.',
    ['edge'],
    '{instance}',
  );
  metrics.beforeRender(() => {
    for (const state of states()) {
      const edge = { edge: state.name };
      for (const of of COUNTED) counts.reach(state[of], { ...edge, of });
      running.set(state.running, edge);
      zombies.set(state.zombies, edge);
      queued.set(state.queued, edge);
      limit.set(state.limit, edge);
      if (state.breaker !== undefined) breaker.set(BREAKER_LEVEL[state.breaker], edge);
      ejected.set(state.instances.filter(({ isEjected }) => isEjected).length, edge);
    }
  });
}
