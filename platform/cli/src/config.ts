import type { InvariantRow, RecordConfig } from '@flotilla/console';
import type { MigrationSource } from '@flotilla/postgres';
import type { EdgeSettings } from '@flotilla/resilience';
import type { Demo } from './demo/demo.ts';
import { DEFAULT_SILENCE_MS, isSilence } from './silence.ts';
import { checkSlos, type SloConfig } from './slo/objectives.ts';

/** What is done once, by a program of its own in the environment of a service: `flotilla run <service> <task>`. */
export interface TaskConfig {
  /** A program that calls `runTask`, relative to the configuration file. */
  readonly entry: string;
  /** What it does, and to what: one line, for the help. */
  readonly summary: string;
}

/** One service: a program that calls `runService`, run as one process per replica. */
export interface ServiceConfig {
  /** The program, relative to the configuration file. */
  readonly entry: string;
  /** A database and a role of its own, named like the service. The service gets `DATABASE_URL`. */
  readonly database?: { readonly migrations: readonly MigrationSource[] };
  /** The service gets `BUS_URL`: the shared database `bus`, with a role of its own; and the user's `RABBITMQ_URL`. Default false. */
  readonly bus?: boolean;
  /** Started once these are ready (or were given up); stopped before they are. Default: at once. */
  readonly needs?: readonly string[];
  /** Processes. Default 1. */
  readonly replicas?: number;
  /** A fixed port, for what users reach. Default: any free one, found through discovery. */
  readonly port?: number;
  /** Names of variables that get a generated secret of 32 bytes in base64; services that name the same share it. */
  readonly secrets?: readonly string[];
  /** What its service tokens may say at most. Default: no tokens. */
  readonly clientScopes?: readonly string[];
  /** Clients with tokens of their own that may call it besides, and are no services of this system. Default: none. */
  readonly calledBy?: readonly string[];
  /** Issues tokens: it is told all clients in `SERVICE_CLIENTS`. Default false. */
  readonly issuesTokens?: boolean;
  /** How long a process of `runService` may be silent before it counts as hung and is replaced; 0: for ever. Default 20,000. */
  readonly silenceMs?: number;
  /** The user's variables that it gets besides those that every process needs. Default: none. */
  readonly inherits?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The services that it calls, by their names, and how, instead of the defaults: `{ payment: { deadlineMs: 3_000 }, shipping: {} }`. Once one
   * service declares them, each is told who may call it, in `CALLERS`, and refuses the tokens of all others. `userToken: 'exchange'` has calls
   * in the name of a user show a token that the issuer makes for this callee alone; by default the user's is passed on beside the service's own.
   */
  readonly calls?: Readonly<Record<string, EdgeSettings & { readonly userToken?: 'pass-on' | 'exchange' }>>;
  /** What an operator may have done once, as the service: by its name. Default: none. */
  readonly tasks?: Readonly<Record<string, TaskConfig>>;
}

/** The operators' console: a process beside the services, on 127.0.0.1. */
export interface ConsoleConfig {
  /** Its own; with `--isolated` any free one. */
  readonly port: number;
  /** What the business knows by an id, such as orders, and where its parts lie: by the name in addresses. Default: nothing. */
  readonly records?: Readonly<Record<string, RecordConfig>>;
  /**
   * Looks for what violates what must always hold: `always` while orders flow, `at-rest` also once everything has settled. `uriOf` gives the
   * database of a service, with the right to read every table. Default: nothing is looked for.
   */
  readonly invariants?: (
    uriOf: (service: string) => Promise<string>,
    moment: 'always' | 'at-rest',
  ) => Promise<readonly InvariantRow[]>;
}

/** The store of traces, logs and metrics: a process beside the services, which are told where it is. */
export interface TelemetryConfig {
  /** Where it takes OTLP over HTTP, on 127.0.0.1. Default: any free port. */
  readonly port?: number;
}

/** What the user sees once everything runs; at most six links. */
export interface Welcome {
  readonly links: Readonly<Record<string, string>>;
  /** One line for a shell, shown with the demo data. */
  readonly tryIt?: string;
  /** What else somebody must know who begins, a line each; at most four. */
  readonly notes?: readonly string[];
}

/** How a system was started. */
export interface WelcomeFacts {
  /** With demo data. */
  readonly demo: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A command line of `flotilla` that works where this is read, from its words. */
  readonly command: (...words: readonly string[]) => string;
}

/** Pages for browsers, built beside the start of the system when their sources are newer than what was built. */
export interface FrontendConfig {
  /** A program that builds into the folder of its one argument, relative to the configuration file. */
  readonly build: string;
  /** Where what was built is kept, relative to the configuration file; nothing else may be in it. */
  readonly output: string;
  /** Files and folders that it is built from besides the folder of the program and the lock file. Default: none. */
  readonly inputs?: readonly string[];
  /** The service that serves it: told the folder in `FRONTEND_DIR`, and without it nothing is built. Default: nobody's. */
  readonly servedBy?: string;
}

export interface BusConfig {
  /** Of the database that all services with `bus` share. */
  readonly migrations: readonly MigrationSource[];
  /** All message types. On RabbitMQ each has an exchange, which `down --reset` deletes. Default: none, these stay. */
  readonly types?: () => Promise<readonly string[]>;
}

export interface SystemConfig {
  /** Shown to the user, and the audience of access tokens. */
  readonly name: string;
  readonly services: Readonly<Record<string, ServiceConfig>>;
  readonly bus?: BusConfig;
  /** Default: no store, and services export where the user's own `OTEL_*` say. */
  readonly telemetry?: TelemetryConfig;
  /** What users may count on: shown by `flotilla slo`, watched by the rules that `flotilla slo render` writes. Default: nothing. */
  readonly slos?: Readonly<Record<string, SloConfig>>;
  /** Default: none. */
  readonly console?: ConsoleConfig;
  /** Patterns that `flotilla demo` shows on the running system; loaded when they are asked for. Default: none. */
  readonly demos?: () => Promise<readonly Demo[]>;
  /** Default: none. */
  readonly frontends?: Readonly<Record<string, FrontendConfig>>;
  /** The issuer of tokens as users see it: `path` below the fixed port of `service`. */
  readonly issuer?: {
    readonly service: string;
    readonly path: string;
    /** Kept by `selectServices`, so that tokens name an issuer also while that service does not run. */
    readonly port?: number | undefined;
  };
  /** `urls`: the services with a fixed port. */
  readonly welcome?: (
    urls: Readonly<Record<string, string>>,
    facts: WelcomeFacts,
  ) => Welcome | Promise<Welcome>;
}

export const BUS_DATABASE = 'bus';
/** The role that may look at it. */
export const BUS_READER = 'bus-reader';
export const POSTGRES = 'postgres';
/** Keeps what services tell of themselves. */
export const TELEMETRY = 'telemetry';
export const CONSOLE = 'console';

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** Declares the system that `flotilla up` runs: the default export of `flotilla.config.ts`. Throws `TypeError` for what cannot work. */
export function defineSystem(system: SystemConfig): SystemConfig {
  for (const [name, service] of Object.entries(system.services)) {
    checkService(system, name, service);
    checkCalls(system, name, service);
    checkTasks(name, service);
  }
  const issuer = system.issuer?.service;
  if (issuer !== undefined && system.services[issuer]?.port === undefined)
    throw new TypeError(`issuer.service must be a service with a port, got ${issuer}`);
  checkFrontends(system);
  checkSlos(system.slos ?? {}, new Set(Object.keys(system.services)));
  findCycle(system.services);
  return system;
}

/** Why no service can have this name; `undefined` when one can. */
export function serviceNameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return 'a name is lower case letters, digits and dashes, at most 40';
  return [POSTGRES, BUS_DATABASE, BUS_READER, TELEMETRY, CONSOLE].includes(name)
    ? 'this name is taken by the platform'
    : undefined;
}

function checkService(system: SystemConfig, name: string, service: ServiceConfig): void {
  const refuse = (what: string): never => {
    throw new TypeError(`service ${name}: ${what}`);
  };
  const problem = serviceNameProblem(name);
  if (problem !== undefined) refuse(problem);
  for (const other of service.needs ?? []) {
    if (!(other in system.services)) refuse(`needs ${other}, which is not declared`);
  }
  const replicas = service.replicas ?? 1;
  if (!Number.isInteger(replicas) || replicas < 1) refuse(`replicas must be 1 or more, got ${replicas}`);
  const silenceMs = service.silenceMs ?? DEFAULT_SILENCE_MS;
  if (!isSilence(silenceMs)) refuse(`silenceMs must be 0 or from 1,000, got ${silenceMs}`);
  if (service.port !== undefined && replicas > 1) refuse('a service with a fixed port runs once');
  if (service.bus && !system.bus) refuse('bus needs the bus of the system to be declared');
}

function checkCalls({ services }: SystemConfig, name: string, { calls = {} }: ServiceConfig): void {
  const wrong = Object.keys(calls).find((other) => !(other in services));
  if (wrong !== undefined) throw new TypeError(`service ${name}: calls ${wrong}, which is not declared`);
}

function checkTasks(service: string, { tasks = {} }: ServiceConfig): void {
  const wrong = Object.keys(tasks).find((task) => !NAME.test(task));
  if (wrong === undefined) return;
  throw new TypeError(`service ${service}: the name of a task is like that of a service, got ${wrong}`);
}

function checkFrontends({ services, frontends = {} }: SystemConfig): void {
  const servers = new Set<string>();
  for (const [name, { servedBy }] of Object.entries(frontends)) {
    if (!NAME.test(name))
      throw new TypeError(`the name of a front end is like that of a service, got ${name}`);
    if (servedBy === undefined) continue;
    if (!(servedBy in services))
      throw new TypeError(`front end ${name}: servedBy ${servedBy}, which is not declared`);
    if (servers.has(servedBy))
      throw new TypeError(`front end ${name}: ${servedBy} serves another one already`);
    servers.add(servedBy);
  }
}

/** Throws when services need each other in a circle. */
function findCycle(services: SystemConfig['services']): void {
  const cleared = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new TypeError(`services need each other: ${[...path, name].join(' → ')}`);
    if (cleared.has(name)) return;
    for (const other of services[name]?.needs ?? []) visit(other, [...path, name]);
    cleared.add(name);
  };
  for (const name of Object.keys(services)) visit(name, []);
}

/** Who may call a service; `undefined` where no service of the system declares whom it calls. */
export function callersOf({ services }: SystemConfig, name: string): readonly string[] | undefined {
  const all = Object.entries(services);
  const outside = services[name]?.calledBy;
  if (outside === undefined && all.every(([, { calls }]) => calls === undefined)) return undefined;
  const inside = all.filter(([, { calls = {} }]) => Object.hasOwn(calls, name)).map(([caller]) => caller);
  return [...new Set([...inside, ...(outside ?? [])])];
}

/** The system without the services that were not asked for. */
export function selectServices(system: SystemConfig, names: readonly string[]): SystemConfig {
  const { welcome, issuer, frontends = {}, ...rest } = system;
  const chosen = Object.entries(system.services).filter(([name]) => names.includes(name));
  const services = chosen.map(([name, service]) => {
    const needs = (service.needs ?? []).filter((other) => names.includes(other));
    const calledBy = callersOf(system, name); // those that are left out may run elsewhere
    return [name, { ...service, needs, ...(calledBy && { calledBy }) }];
  });
  const served = Object.entries(frontends).filter(
    ([, { servedBy }]) => servedBy === undefined || names.includes(servedBy),
  );
  const edges = Object.keys(system.services).filter((name) => system.services[name]?.port !== undefined);
  return {
    ...rest,
    services: Object.fromEntries(services),
    ...(served.length > 0 && { frontends: Object.fromEntries(served) }),
    ...(issuer && { issuer: { ...issuer, port: system.services[issuer.service]?.port } }),
    // It speaks of all that users reach.
    ...(welcome && edges.every((name) => names.includes(name)) && { welcome }),
  };
}
