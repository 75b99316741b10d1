import { DISCOVERY_SETTINGS, type DiscoverySettings, discoverySettings } from './discovery-settings.ts';
import {
  choice,
  type Environment,
  flag,
  optional,
  port,
  readEnvironment,
  secret,
  text,
  url,
} from './environment.ts';

const SETTINGS = {
  INSTANCE_ID: optional(text()),
  HOST: text({ default: '127.0.0.1' }),
  PORT: port({ default: 0 }),
  GRPC_PORT: port({ default: 0 }),
  ...DISCOVERY_SETTINGS,
  ISSUER: optional(url()),
  AUDIENCE: text({ default: 'flotilla' }),
  SERVICE_SECRET: optional(secret()),
  CALLERS: optional(text()),
  LOG_LEVEL: choice(['debug', 'info', 'warn', 'error'], { default: 'info' }),
  FLOTILLA_EDGES: optional(text()),
  FLOTILLA_DEMO: flag(),
  FLOTILLA_CRASH_POINT: text({ default: '' }),
  FLOTILLA_CRASH_TRACE: optional(text()),
};

/** What the supervisor tells every service. What one service needs besides, its own `readConfig` reads. */
export interface ServiceEnvironment {
  /** This process among the instances of its service. */
  readonly instanceId: string;
  /** The address to listen on, and to be found at. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly grpcPort: number;
  /** Where this service is registered, and the others are found. */
  readonly discovery: DiscoverySettings;
  /** `iss` of access tokens. Without it no token is accepted. */
  readonly issuer: string | undefined;
  readonly audience: string;
  /** Proves this service to identity, for tokens of its own. */
  readonly serviceSecret: string | undefined;
  /** The services that may call this one, by themselves or for a user; `undefined`: all. */
  readonly callers: ReadonlySet<string> | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Settings of calls to other services, as JSON keyed by their names. */
  readonly edges: string | undefined;
  /** Demo data is wanted. */
  readonly demo: boolean;
  /** For tests: where this process kills itself, `name[:n]`. */
  readonly crashPoint: string;
  /** For tests: a file to which every crash point that is passed is appended. */
  readonly crashTrace: string | undefined;
}

/** Throws `ConfigurationError`. */
export function readServiceEnvironment(env: Environment, name: string): ServiceEnvironment {
  const values = readEnvironment(env, SETTINGS);
  const read = {
    instanceId: values.INSTANCE_ID ?? `${name}-${process.pid}`,
    host: values.HOST,
    port: values.PORT,
    grpcPort: values.GRPC_PORT,
    discovery: discoverySettings(values),
    issuer: values.ISSUER,
    audience: values.AUDIENCE,
    callers: readCallers(values.CALLERS),
    logLevel: values.LOG_LEVEL,
    edges: values.FLOTILLA_EDGES,
    demo: values.FLOTILLA_DEMO,
    crashPoint: values.FLOTILLA_CRASH_POINT,
    crashTrace: values.FLOTILLA_CRASH_TRACE,
  };
  const secret = { value: values.SERVICE_SECRET, enumerable: false };
  return Object.defineProperty(read, 'serviceSecret', secret) as ServiceEnvironment;
}

/** Names, separated by commas; `-` means none. */
function readCallers(text: string | undefined): ReadonlySet<string> | undefined {
  return text === undefined ? undefined : new Set(text.split(',').filter((name) => name !== '-'));
}
