import type { Registry } from '@flotilla/discovery/registry';
import type { SystemConfig } from '../config.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import type { Secrets } from '../data-dir/secrets.ts';
import type { SupervisorOptions } from '../processes/supervisor.ts';
import type { SystemFacts } from './service-environment.ts';

export interface RunOptions {
  readonly system: SystemConfig;
  readonly root: string;
  readonly dataDir: DataDir;
  readonly ports: Readonly<Record<string, number>>;
  readonly demo: boolean;
  readonly logLevel: string;
  /** Administrator's URI of an existing server, instead of the embedded one. */
  readonly externalAdminUri: string | undefined;
  /** How long any service may be silent; `undefined`: as it is declared. */
  readonly silenceMs: number | undefined;
  /** For tests: what goes wrong in a service, from its first start to its next. */
  readonly crashPoints: (service: string) => string;
  /** For tests: a file to which all services append the crash points that they pass. */
  readonly crashTrace: string | undefined;
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly onEvent: SupervisorOptions['onEvent'];
  /** What the user should know besides, a line each. */
  readonly say: (line: string) => void;
  /** Somebody asked for the end over the control socket; resolves when everything has stopped. */
  readonly onDown: () => Promise<void>;
}

/** What there is of a system that comes up: each is used once it is there. */
export interface SystemParts {
  /** Of the server in use, with its port once it has one. */
  readonly adminUri: () => string;
  /** Programs beside the services, by the names of their processes. */
  readonly attendants: Readonly<Record<string, string>>;
  secrets?: Secrets;
  registry?: Registry;
  /** From when the databases are there. */
  facts?: SystemFacts;
}
