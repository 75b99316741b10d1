import { toError } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';
import { createScrape } from '@flotilla/telemetry';
import type { AdminTarget } from './admin/admin-target.ts';
import { checkRegistered, type Given } from './config/check-registered.ts';
import { checkTlsFiles } from './config/check-tls-files.ts';
import { diffConfigs } from './config/diff.ts';
import { createExchange } from './exchange.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { createParts, createRuntimeBuilder, type Parts } from './gateway-parts.ts';
import type { GatewayConfig } from './model.ts';
import type { Runtime } from './runtime.ts';
import type { ServerCredentials } from './wire/client/credentials.ts';
import { createHttp1Listener } from './wire/client/http1/listener.ts';
import { createHttp2Listener } from './wire/client/http2/listener.ts';
import type { Incoming } from './wire/client/incoming.ts';
import { type Listening, listenPlain, listenTls } from './wire/client/listen.ts';
import type { ListenerOptions } from './wire/client/options.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** PEM; without it the port speaks plain HTTP. With it HTTP/2 is offered too. */
  readonly tls?: ServerCredentials;
  /** With `tls.clientCa`: without a certificate of them there is no connection. Default false: routes decide. */
  readonly requiresClientCertificate?: boolean;
  /** What a port without TLS speaks: `h2c` is HTTP/2 with prior knowledge, for gRPC inside of a network. Default `http/1.1`. */
  readonly cleartext?: 'http/1.1' | 'h2c';
}

export interface OpenPort {
  readonly url: string;
  readonly port: number;
  /** For new connections. Throws, and keeps those before, when the two do not fit; on a port without TLS a `TypeError`. */
  setCertificates(certificates: ServerCredentials): void;
}

export interface Gateway {
  listen(address: ListenAddress): Promise<OpenPort>;
  /** Puts another configuration in force, whole; requests under way finish with the old one. Returns what changed. */
  reload(config: GatewayConfig): readonly string[];
  readonly admin: AdminTarget;
  /** Takes no new connections, lets requests in flight end, then closes all. */
  close(): Promise<void>;
}

/** A gateway for a validated configuration. It serves its routes and nothing of its own: no health, no metrics on this port. */
export function createGateway(options: GatewayOptions): Gateway {
  const given = givenIn(options);
  checkRegistered(options.config, given);
  checkTlsFiles(options.config);
  const parts = createParts(options);
  const { backends, stranglers, telemetry } = parts;
  const build = createRuntimeBuilder(options, parts);
  let runtime = build(options.config);
  let isClosing = false;

  function accept(incoming: Incoming): void {
    const exchange = createExchange(incoming, runtime.config.clientFields);
    parts.load.inFlight += 1;
    incoming.answer.onClose = () => {
      parts.load.inFlight -= 1;
      if (incoming.answer.state === 'gone') exchange.onGone?.();
      telemetry.ended(exchange);
    };
    runtime.serve(exchange);
  }

  function reload(config: GatewayConfig): readonly string[] {
    const changes = diffConfigs(runtime.config, config);
    if (changes.length === 0) return changes;
    checkRegistered(config, given);
    checkTlsFiles(config);
    backends.retain(config);
    runtime = build(config);
    stranglers.retain(config.routes);
    return changes;
  }

  const ports = createPorts(options, parts, { accept, runtime: () => runtime });
  return {
    reload,
    listen: ports.listen,
    admin: adminTarget(options, parts, {
      config: () => runtime.config,
      reload,
      isReady: () => ports.isOpen() && !isClosing,
    }),
    close: async () => {
      isClosing = true;
      await ports.close(runtime.config.limits.drainTimeoutMs ?? options.drainTimeoutMs ?? 10_000);
      await parts.close();
    },
  };
}

interface Ports {
  listen(address: ListenAddress): Promise<OpenPort>;
  isOpen(): boolean;
  close(drainTimeoutMs: number): Promise<void>;
}

/** Where clients come in, in whatever version of HTTP. */
function createPorts(
  { logger, config }: GatewayOptions,
  { timers, telemetry }: Parts,
  to: { readonly accept: (incoming: Incoming) => void; readonly runtime: () => Runtime },
): Ports {
  const common: ListenerOptions = {
    timers,
    onRequest: to.accept,
    onRefused: (refusal, { peerAddress }) => telemetry.refused(refusal, peerAddress),
    onFault: (error) => logger.error({ err: toError(error) }, 'the request could not be handled'),
    errorBodies: config.strict ? 'empty' : 'problem',
  };
  const limits = () => to.runtime().config.limits;
  const http1 = createHttp1Listener({ ...common, limits: () => limits().http1 });
  const http2 = createHttp2Listener({ ...common, limits: () => limits().http2 });
  const listeners: Listening[] = [];
  return {
    listen: async ({ host, port, tls, requiresClientCertificate = false, cleartext = 'http/1.1' }) => {
      const isShared = (address: string) => to.runtime().isTrustedProxy(address);
      const at = {
        ...{ host, port, timers, isShared, onTurnedAway: telemetry.turnedAway },
        limits: limits().arrivals,
      };
      const clients = { accept: http1.accept, onHttp2: http2.accept, requiresClientCertificate };
      const secure = tls && (await listenTls({ ...at, ...clients, tls }));
      const accept = cleartext === 'h2c' ? http2.accept : http1.accept;
      const listening = secure ?? (await listenPlain({ ...at, accept }));
      listeners.push(listening);
      return {
        url: `${tls ? 'https' : 'http'}://${hostInUrl(host)}:${listening.port}`,
        port: listening.port,
        setCertificates: (certificates) => {
          if (secure === undefined) throw new TypeError('this port does not speak TLS');
          secure.setCertificates(certificates);
        },
      };
    },
    isOpen: () => listeners.length > 0,
    close: async (drainTimeoutMs) => {
      for (const listening of listeners) listening.close();
      await Promise.all([http1.drain(drainTimeoutMs), http2.drain(drainTimeoutMs)]);
    },
  };
}

/** What operators see of the gateway and may change. */
function adminTarget(
  { loadConfig, metrics }: GatewayOptions,
  { backends, stranglers, load, cache }: Parts,
  gateway: Pick<AdminTarget, 'config' | 'isReady'> & Pick<Gateway, 'reload'>,
): AdminTarget {
  return {
    config: gateway.config,
    backends,
    stranglers,
    limits: () => ({ inFlight: load.inFlight, loopDelayMs: load.loopDelayMs }),
    cache: () => ({ entries: cache.entries, bytes: cache.bytes }),
    purge: (what) => cache.purge(what.by === 'all' ? { all: true } : purgeOf[what.by](what.value)),
    reload: async () => {
      if (loadConfig === undefined)
        throw new TypeError('this gateway was not given a way to load its configuration');
      return { changes: gateway.reload(await loadConfig()) };
    },
    scrape: createScrape(metrics),
    isReady: gateway.isReady,
  };
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
