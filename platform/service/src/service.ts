import type { VerifyToken } from '@flotilla/auth';
import type { Balancer } from '@flotilla/discovery';
import type { HttpHostOptions, ReadinessCheck } from '@flotilla/http';
import type { Clock, NewId } from '@flotilla/kernel';
import type { Environment, ProcessContext, ServiceEnvironment } from '@flotilla/process';
import type { Edges } from '@flotilla/resilience';
import type { Metrics } from '@flotilla/telemetry';
import type { RevocationFeed } from './revocation-feed.ts';

/** What a service is given when it starts, and what `openDatabase`, `openBus` and `openClient` work with. */
export interface ServiceContext<Config> extends Omit<ProcessContext<never>, 'settings'> {
  readonly name: string;
  /** What the service's own `readConfig` returned. */
  readonly config: Config;
  /** The settings that every service has. */
  readonly env: ServiceEnvironment;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Checks access tokens of the issuer. Throws what `@flotilla/auth` throws. */
  readonly verifyToken: VerifyToken;
  /** What is configured and known about the calls of this service, for clients that `openClient` does not make. */
  readonly edges: Edges;
  /** What `verifyToken` refuses before its end; followed from the moment at which the bus is opened. */
  readonly revocations: RevocationFeed;
  /** Chooses an instance of a service, for clients. */
  readonly pick: Balancer['pick'];
  /** Tokens of this service with one scope, for clients that `openClient` does not make. */
  readonly tokens: (scope: string) => () => Promise<string>;
  /** Tokens of users for one callee, where `calls` says `exchange`; for clients that `openClient` does not make. */
  readonly exchange: (callee: string) => ((userToken: string) => Promise<string>) | undefined;
  /** The service is ready, and its instance offered to others, only while this check passes. */
  readonly readyWhen: (name: string, check: ReadinessCheck) => void;
}

/** What a service serves. */
export interface StartedService
  extends Pick<HttpHostOptions, 'handlers' | 'alsoBelow' | 'rawRoutes' | 'bodyLimitBytes' | 'verifyToken'> {
  /** `createGrpcServer` of `@flotilla/grpc`. */
  readonly grpc?: {
    listen(host: string, port: number): Promise<number>;
    close(): Promise<void>;
  };
}

export interface ServiceDefinition<Config> {
  /** The name other services find it by; its queue and its messages carry it, too. */
  readonly name: string;
  /** Shown in `/openapi.json` and `/health/live`. */
  readonly version?: string;
  /** Reads what this service needs besides; throws `ConfigurationError`, as `readEnvironment` does. */
  readonly readConfig: (env: Environment) => Config;
  readonly start: (service: ServiceContext<Config>) => Promise<StartedService> | StartedService;
}
