import { randomBytes } from 'node:crypto';
import type { VerifyToken } from '@flotilla/auth';
import type { Resolver } from '@flotilla/discovery';
import { type Clock, systemClock, toError } from '@flotilla/kernel';
import { measureLoopDelay } from '@flotilla/resilience';
import type { Logger, Metrics, RecordSpan } from '@flotilla/telemetry';
import type { AdminTarget } from './admin/admin-target.ts';
import type { AggregateMerge } from './aggregates/aggregate.ts';
import { createByteBudget } from './aggregates/byte-budget.ts';
import type { CreateBalancer } from './backends/balancers.ts';
import { createBackends } from './backends/create-backends.ts';
import { checkRegistered, type Given } from './config/check-registered.ts';
import { diffConfigs } from './config/diff.ts';
import { createExchange } from './exchange.ts';
import { createKeptState } from './kept-state.ts';
import type { GatewayConfig } from './model.ts';
import { type AccessLogLevel, createGatewayTelemetry } from './observation/observe.ts';
import type { ForwardDeps } from './pipeline/forwarding.ts';
import type { VerifyTokenClaims } from './policies/authentication/providers.ts';
import { createTokenProviders } from './policies/authentication/token-providers.ts';
import { createResponseCache } from './policies/cache/response-cache.ts';
import type { DelegatingHandlers } from './policies/delegating-handlers/handlers.ts';
import { createBudgetRegistry } from './policies/rate-limit/rate-limit.ts';
import { connectRedisBudgets } from './policies/rate-limit/redis-budgets.ts';
import type { SharedBudgets } from './policies/rate-limit/shared-budgets.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import { createStranglers } from './strangler/create-stranglers.ts';
import { createTimers } from './time/timers.ts';
import { createBackendClient } from './wire/backend/create-backend-client.ts';
import { createHttp1Listener } from './wire/client/http1/listener.ts';
import { createHttp2Listener } from './wire/client/http2/listener.ts';
import type { Incoming } from './wire/client/incoming.ts';
import { type Listening, listenPlain, listenTls } from './wire/client/listen.ts';
import { GATEWAY_TIMEOUT, type Refusal, SERVICE_UNAVAILABLE } from './wire/rules/refusal.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Finds the instances of routes with `ServiceName` when the configuration names no provider. The caller closes it. */
  readonly resolver?: Resolver;
  /** Verifiers in code, by the key that `AuthenticationProviderKeys` names. */
  readonly verifiers?: Readonly<Record<string, VerifyToken>>;
  /** The same, for tokens that are not of this platform: they resolve with the payload. */
  readonly claimsVerifiers?: Readonly<Record<string, VerifyTokenClaims>>;
  readonly handlers?: DelegatingHandlers;
  readonly aggregators?: Readonly<Record<string, AggregateMerge>>;
  readonly balancers?: ReadonlyMap<string, CreateBalancer>;
  /** JSON documents of the system to serve beside the merged OpenAPI where no route is, by path: `/docs/asyncapi.json`. */
  readonly documents?: Readonly<Record<string, object>>;
  /** Where rate limits with `Store: "Shared"` are counted, over all replicas: `redis://…`. */
  readonly redisUrl?: string;
  /** Reads the configuration anew for the admin API; without it `reload` there is refused. */
  readonly loadConfig?: () => Promise<GatewayConfig>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly recordSpan?: RecordSpan;
  /** Default `sampled`. */
  readonly accessLog?: AccessLogLevel;
  readonly clock?: Clock;
  /** How long `close` waits for requests in flight before it cuts them. Default 10,000 ms. */
  readonly drainTimeoutMs?: number;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** PEM; without it the port speaks plain HTTP. With it HTTP/2 is offered too. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What a port without TLS speaks: `h2c` is HTTP/2 with prior knowledge, for gRPC inside of a network. Default `http/1.1`. */
  readonly cleartext?: 'http/1.1' | 'h2c';
}

export interface OpenPort {
  readonly url: string;
  readonly port: number;
  /** For new connections. Throws, and keeps those before, when the two do not fit; on a port without TLS a `TypeError`. */
  setCertificates(certificates: { readonly cert: string; readonly key: string }): void;
}

export interface Gateway {
  listen(address: ListenAddress): Promise<OpenPort>;
  /** Puts another configuration in force, whole; requests under way finish with the old one. Returns what changed. */
  reload(config: GatewayConfig): readonly string[];
  readonly admin: AdminTarget;
  /** Takes no new connections, lets requests in flight end, then closes all. */
  close(): Promise<void>;
}

/** Of parts of aggregates that wait for the others. */
const AGGREGATE_BYTES = 256 * 2 ** 20;

/** A gateway for a validated configuration. It serves its routes and nothing of its own: no health, no metrics on this port. */
export function createGateway(options: GatewayOptions): Gateway {
  const { logger, metrics, resolver, clock = systemClock, drainTimeoutMs = 10_000 } = options;
  const given = givenIn(options);
  checkRegistered(options.config, given);
  const timers = createTimers();
  const backendClient = createBackendClient({ timers });
  const backends = createBackends({
    ...options,
    ...(resolver !== undefined && { resolver }),
    backendClient,
    timers,
    clock,
  });
  const stranglers = createStranglers({
    poolFor: backends.poolFor,
    backendClient,
    timers,
    clock,
    logger,
    metrics,
  });
  const telemetry = createGatewayTelemetry({
    logger,
    metrics,
    recordSpan: options.recordSpan,
    accessLog: options.accessLog ?? 'sampled',
  });
  const cache = createResponseCache({ clock, timers });
  const kept = createKeptState();
  const aggregateBytes = createByteBudget(AGGREGATE_BYTES);
  const loop = measureLoopDelay();
  const invalidTokens = metrics.counter('gateway_invalid_tokens_total', 'Access tokens refused.', [
    'provider',
    'reason',
  ]);
  const pseudonym = `flotilla-${randomBytes(4).toString('hex')}`;
  const nowMs = () => clock.now().getTime();
  const shared = options.redisUrl === undefined ? undefined : connectShared(options.redisUrl);
  let budgets = createBudgetRegistry();
  let inFlight = 0;
  let isClosing = false;

  function connectShared(url: string): SharedBudgets {
    const away = metrics.gauge(
      'gateway_shared_limits_away',
      '1 while rate limits are counted by this process alone.',
    );
    away.set(0);
    return connectRedisBudgets({
      url,
      timers,
      nowMs,
      onState: (state, err) => {
        away.set(state === 'away' ? 1 : 0);
        if (state === 'away')
          logger.warn({ err }, 'Redis is away: rate limits are counted by this process alone');
        else logger.info({}, 'rate limits are counted in Redis again');
      },
    });
  }

  function build(config: GatewayConfig): Runtime {
    budgets = createBudgetRegistry(budgets);
    const runtime = createRuntime({
      config,
      backends,
      stranglers,
      budgets,
      shared,
      providers: createTokenProviders(config.authenticationProviders, { ...options, kept, clock }),
      handlers: options.handlers ?? {},
      aggregators: options.aggregators ?? {},
      aggregateBytes,
      documents: options.documents ?? {},
      kept,
      cache,
      load: () => ({ inFlight, loopDelayMs: loop.medianMs }),
      pseudonym,
      nowMs,
      logger,
      onTokenRefused: (provider, reason) => invalidTokens.inc({ provider, reason }),
      forwarding: forwardingOf(config.strict),
    });
    kept.sweep();
    return runtime;
  }

  function forwardingOf(strict: boolean): ForwardDeps {
    return {
      backendClient,
      timers,
      refusals: {
        timeout: ({ qosTimeout, name }) => timeoutOf(strict, qosTimeout, name),
        noInstance: strict ? { status: 404, code: 'no-instance' } : SERVICE_UNAVAILABLE,
      },
      onCache: ({ route }, result) => telemetry.cache(route, result),
      onIdleWebSocket: ({ route }) => telemetry.idleWebSocket(route),
      nowMs,
      onTry: telemetry.tried,
      onFault: (exchange, error, done) => {
        logger.error({ route: exchange.route, err: toError(error) }, 'the request could not be handled');
        done({ status: 500, code: 'internal-error' });
      },
    };
  }

  function accept(incoming: Incoming): void {
    const { config } = runtime;
    const exchange = createExchange(incoming, config.identityFields);
    inFlight += 1;
    incoming.answer.onClose = () => {
      inFlight -= 1;
      if (incoming.answer.state === 'gone') exchange.onGone?.();
      telemetry.ended(exchange);
    };
    runtime.serve(exchange);
  }

  let runtime = build(options.config);
  const clients = {
    timers,
    onRequest: accept,
    onRefused: (refusal: Refusal, { peerAddress }: { readonly peerAddress: string }) =>
      telemetry.refused(refusal, peerAddress),
    onFault: (error: unknown) => logger.error({ err: toError(error) }, 'the request could not be handled'),
    errorBodies: options.config.strict ? ('empty' as const) : ('problem' as const),
  };
  const http1 = createHttp1Listener(clients);
  const http2 = createHttp2Listener(clients);
  const listeners: Listening[] = [];

  const reload = (config: GatewayConfig): readonly string[] => {
    const changes = diffConfigs(runtime.config, config);
    if (changes.length === 0) return changes;
    checkRegistered(config, given);
    backends.retain(config);
    runtime = build(config);
    stranglers.retain(config.routes);
    return changes;
  };

  return {
    reload,
    listen: async ({ host, port, tls, cleartext = 'http/1.1' }) => {
      const isShared = (address: string) => runtime.isTrustedProxy(address);
      const at = { host, port, timers, isShared, onTurnedAway: telemetry.turnedAway };
      const secure = tls && (await listenTls({ ...at, accept: http1.accept, onHttp2: http2.accept, tls }));
      const accept = cleartext === 'h2c' ? http2.accept : http1.accept;
      const listening = secure ?? (await listenPlain({ ...at, accept }));
      listeners.push(listening);
      const name = host.includes(':') ? `[${host}]` : host;
      return {
        url: `${tls ? 'https' : 'http'}://${name}:${listening.port}`,
        port: listening.port,
        setCertificates: (certificates) => {
          if (secure === undefined) throw new TypeError('this port does not speak TLS');
          secure.setCertificates(certificates);
        },
      };
    },
    admin: {
      config: () => runtime.config,
      backends,
      stranglers,
      limits: () => ({ inFlight, loopDelayMs: loop.medianMs }),
      cache: () => ({ entries: cache.entries, bytes: cache.bytes }),
      purge: (what) => cache.purge(what.by === 'all' ? { all: true } : purgeOf[what.by](what.value)),
      reload: async () => {
        if (options.loadConfig === undefined)
          throw new TypeError('this gateway was not given a way to load its configuration');
        return { changes: reload(await options.loadConfig()) };
      },
      metrics: metrics.render,
      isReady: () => listeners.length > 0 && !isClosing,
    },
    close: async () => {
      isClosing = true;
      for (const listening of listeners) listening.close();
      await Promise.all([http1.drain(drainTimeoutMs), http2.drain(drainTimeoutMs)]);
      await backends.close();
      await backendClient.close();
      await shared?.close();
      loop.close();
      timers.close();
    },
  };
}

function timeoutOf(strict: boolean, qosTimeout: boolean, route: string): Refusal {
  const text = qosTimeout ? { text: `Request timeout for route -> ${route}` } : {};
  return { ...GATEWAY_TIMEOUT, ...(strict && { status: 503 }), ...text };
}

const purgeOf = {
  tag: (tag: string) => ({ tag }),
  region: (region: string) => ({ region }),
  prefix: (prefix: string) => ({ prefix }),
};

function givenIn({ handlers, aggregators, balancers, verifiers, claimsVerifiers }: GatewayOptions): Given {
  const names = (record: object | undefined) => new Set(Object.keys(record ?? {}));
  return {
    handlers: names(handlers),
    aggregators: names(aggregators),
    balancers: new Set(balancers?.keys()),
    providers: names({ ...verifiers, ...claimsVerifiers }),
  };
}
