import type { VerifyToken } from '@flotilla/auth';
import type { Balancer } from '@flotilla/discovery';
import type { RawRoutes, ReadinessCheck, RouteHandler } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Environment, ServiceEnvironment } from '@flotilla/process';
import type { Logger, Metrics } from '@flotilla/telemetry';

/** What a service is given when it starts. */
export interface ServiceContext<Config> {
  readonly name: string;
  /** What the service's own `readConfig` returned. */
  readonly config: Config;
  /** What every service is told. */
  readonly env: ServiceEnvironment;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Checks access tokens of the issuer. Throws what `@flotilla/auth` throws. */
  readonly verifyToken: VerifyToken;
  /** Chooses an instance of a service, for clients. */
  readonly pick: Balancer['pick'];
  /** Tokens of this service with one scope, for clients: `token: context.tokens('inventory.write')`. */
  readonly tokens: (scope: string) => () => Promise<string>;
  /** Aborted when the service has stopped to serve and its background work shall end. */
  readonly signal: AbortSignal;
  /** Runs when the service ends, after those that were deferred later. */
  readonly defer: (name: string, dispose: () => Promise<void> | void) => void;
  /**
   * Starts work that lasts as long as the service; it must end when `signal` is aborted. When it throws, the
   * process ends with status 1, so that it is started anew.
   */
  readonly background: (name: string, task: (signal: AbortSignal) => Promise<void>) => void;
  /**
   * Does `work` at once and again `everyMs` after each end, until the service ends. A failure is logged, and the
   * next round comes all the same.
   */
  readonly every: (name: string, everyMs: number, work: () => Promise<void>) => void;
}

/** What a service serves. */
export interface StartedService {
  readonly handlers: readonly RouteHandler[];
  readonly readiness?: Readonly<Record<string, ReadinessCheck>>;
  /** See `HttpHostOptions`. */
  readonly alsoBelow?: string;
  readonly rawRoutes?: RawRoutes;
  /** Larger bodies are answered 413. Default 256 KiB. */
  readonly bodyLimitBytes?: number;
  /** Replaces the context's verifier: for identity, which has the keys itself. */
  readonly verifyToken?: VerifyToken;
  readonly grpc?: {
    listen(host: string, port: number): Promise<number>;
    close(): Promise<void>;
  };
}

export interface ServiceDefinition<Config> {
  /** The name other services find it by. */
  readonly name: string;
  /** Shown in `/openapi.json` and `/health/live`. */
  readonly version?: string;
  /** Reads what this service needs besides; throws `ConfigurationError`, as `readEnvironment` does. */
  readonly readConfig: (env: Environment) => Config;
  readonly start: (context: ServiceContext<Config>) => Promise<StartedService> | StartedService;
}
