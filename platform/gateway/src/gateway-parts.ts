import { randomBytes } from 'node:crypto';
import { type Clock, systemClock, toError } from '@flotilla/kernel';
import { measureLoopDelay } from '@flotilla/resilience';
import { spanRecorder } from '@flotilla/telemetry';
import { type ByteBudget, createByteBudget } from './aggregates/byte-budget.ts';
import { type Backends, createBackends } from './backends/create-backends.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { createKeptState, type KeptState } from './kept-state.ts';
import type { GatewayConfig } from './model.ts';
import { createGatewayTelemetry, type GatewayTelemetry } from './observation/observe.ts';
import type { ForwardDeps } from './pipeline/forwarding.ts';
import { createApiKeyProviders } from './policies/api-key-providers.ts';
import { createTokenProviders } from './policies/authentication/token-providers.ts';
import { createResponseCache, type ResponseCache } from './policies/cache/response-cache.ts';
import { createBudgetRegistry } from './policies/rate-limit/rate-limit.ts';
import { connectRedisBudgets } from './policies/rate-limit/redis-budgets.ts';
import type { SharedBudgets } from './policies/rate-limit/shared-budgets.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { createStranglers, type Stranglers } from './strangler/create-stranglers.ts';
import { createTimers, type Timers } from './time/timers.ts';
import type { BackendClient } from './wire/backend/backend-call.ts';
import { createBackendClient } from './wire/backend/create-backend-client.ts';
import { GATEWAY_TIMEOUT, type Refusal, SERVICE_UNAVAILABLE } from './wire/rules/refusal.ts';

/** What a gateway is made of that outlives its configurations. */
export interface Parts {
  readonly timers: Timers;
  readonly clock: Clock;
  readonly backendClient: BackendClient;
  readonly backends: Backends;
  readonly stranglers: Stranglers;
  readonly telemetry: GatewayTelemetry;
  readonly cache: ResponseCache;
  readonly kept: KeptState;
  readonly aggregateBytes: ByteBudget;
  readonly shared: SharedBudgets | undefined;
  readonly load: { inFlight: number; readonly loopDelayMs: number };
  close(): Promise<void>;
}

/** Of parts of aggregates that wait for the others. */
const AGGREGATE_BYTES = 256 * 2 ** 20;

export function createParts(options: GatewayOptions): Parts {
  const { logger, metrics, resolver, recordSpan, accessLog = 'sampled', clock = systemClock } = options;
  const timers = createTimers();
  const backendClient = createBackendClient({ timers });
  const backends = createBackends({
    ...options,
    ...(resolver !== undefined && { resolver }),
    backendClient,
    timers,
    clock,
  });
  const { poolFor } = backends;
  const shared = options.redisUrl === undefined ? undefined : connectShared(options, timers, clock);
  const loop = measureLoopDelay();
  return {
    timers,
    clock,
    backendClient,
    backends,
    stranglers: createStranglers({ poolFor, backendClient, timers, clock, logger, metrics }),
    telemetry: createGatewayTelemetry({
      ...{ logger, metrics, accessLog },
      recordSpan: recordSpan ?? spanRecorder(),
    }),
    cache: createResponseCache({ clock, timers }),
    kept: createKeptState(),
    aggregateBytes: createByteBudget(AGGREGATE_BYTES),
    shared,
    load: {
      inFlight: 0,
      get loopDelayMs() {
        return loop.medianMs;
      },
    },
    close: async () => {
      await backends.close();
      await backendClient.close();
      await shared?.close();
      loop.close();
      timers.close();
    },
  };
}

/** Rate limits of all replicas together. */
function connectShared(
  { redisUrl = '', logger, metrics }: GatewayOptions,
  timers: Timers,
  clock: Clock,
): SharedBudgets {
  const away = metrics.gauge(
    'gateway_shared_limits_away',
    '1 while rate limits are counted by this process alone.',
    [],
    '{state}',
  );
  away.set(0);
  return connectRedisBudgets({
    url: redisUrl,
    timers,
    nowMs: () => clock.now().getTime(),
    onState: (state, err) => {
      away.set(state === 'away' ? 1 : 0);
      if (state === 'away')
        logger.warn({ err }, 'Redis is away: rate limits are counted by this process alone');
      else logger.info({}, 'rate limits are counted in Redis again');
    },
  });
}

/** Makes configurations ready to serve, one after the other. */
export function createRuntimeBuilder(
  options: GatewayOptions,
  parts: Parts,
): (config: GatewayConfig) => Runtime {
  const { logger, metrics, handlers = {}, aggregators = {}, documents = {} } = options;
  const { kept, clock, load } = parts;
  const nowMs = () => clock.now().getTime();
  const pseudonym = `flotilla-${randomBytes(4).toString('hex')}`;
  const invalidTokens = metrics.counter(
    'gateway_invalid_tokens_total',
    'Access tokens refused.',
    ['provider', 'reason'],
    '{token}',
  );
  let budgets = createBudgetRegistry();
  return (config) => {
    budgets = createBudgetRegistry(budgets);
    const runtime = createRuntime({
      ...parts,
      config,
      budgets,
      providers: createTokenProviders(config.authenticationProviders, { ...options, kept, clock }),
      apiKeys: createApiKeyProviders(config.authenticationProviders, {
        ...{ budgets, shared: parts.shared, nowMs },
      }),
      handlers,
      aggregators,
      documents,
      load: () => load,
      pseudonym,
      nowMs,
      logger,
      onTokenRefused: (provider, reason) => invalidTokens.inc({ provider, reason }),
      forwarding: forwardingOf(config.strict, parts, { nowMs, logger }),
    });
    kept.sweep();
    return runtime;
  };
}

function forwardingOf(
  strict: boolean,
  { backendClient, timers, telemetry }: Parts,
  { nowMs, logger }: { readonly nowMs: () => number } & Pick<GatewayOptions, 'logger'>,
): ForwardDeps {
  return {
    backendClient,
    timers,
    nowMs,
    waitsForUploads: !strict,
    refusals: {
      timeout: ({ qosTimeout, name }) => timeoutOf(strict, qosTimeout, name),
      noInstance: strict ? { status: 404, code: 'no-instance' } : SERVICE_UNAVAILABLE,
    },
    onCache: ({ route }, result) => telemetry.cache(route, result),
    onIdleWebSocket: ({ route }) => telemetry.idleWebSocket(route),
    onTry: telemetry.tried,
    onFault: (exchange, error, done) => {
      logger.error({ route: exchange.route, err: toError(error) }, 'the request could not be handled');
      done({ status: 500, code: 'internal-error' });
    },
  };
}

function timeoutOf(strict: boolean, qosTimeout: boolean, route: string): Refusal {
  const text = qosTimeout ? { text: `Request timeout for route -> ${route}` } : {};
  return { ...GATEWAY_TIMEOUT, ...(strict && { status: 503 }), ...text };
}
