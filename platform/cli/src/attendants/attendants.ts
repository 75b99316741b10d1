import { extname, join } from 'node:path';
import { createTickets, type Role } from '@flotilla/console';
import { STORE_PROGRAM } from '@flotilla/telemetry-store/program';
import { CONSOLE, type SystemConfig, TELEMETRY } from '../config.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import type { Secrets } from '../data-dir/secrets.ts';

/** For all signals, or one: our token must not go to where the user's telemetry goes. */
const OF_COLLECTOR = /^OTEL_EXPORTER_OTLP_(\w+_)?ENDPOINT$/;

const CONSOLE_PROGRAM = join(import.meta.dirname, `console/main${extname(import.meta.filename)}`);

/** Where services send their telemetry. */
export interface TelemetryTarget {
  readonly url: string;
  /** Shown by whoever sends: other users of the machine have none. */
  readonly token: string;
}

type Inherited = Readonly<Record<string, string | undefined>>;

export interface AttendantFacts {
  readonly dataDir: DataDir;
  readonly ports: Readonly<Record<string, number>>;
  readonly inherited: Inherited;
  readonly secrets: Secrets;
}

/**
 * Programs of the platform that look on, absolute, by the names of their processes: started when all services are, and
 * nothing waits for them. The user's own collector takes the place of the store.
 */
export function attendantPrograms(
  system: SystemConfig,
  inherited: Inherited,
): Readonly<Record<string, string>> {
  const hasCollector = Object.entries(inherited).some(([name, value]) => OF_COLLECTOR.test(name) && value);
  const hasStore = system.telemetry !== undefined && !hasCollector;
  return {
    ...(hasStore && { [TELEMETRY]: STORE_PROGRAM }),
    ...(system.console && { [CONSOLE]: CONSOLE_PROGRAM }),
  };
}

export function telemetryTarget({
  ports,
  secrets,
}: Pick<AttendantFacts, 'ports' | 'secrets'>): TelemetryTarget {
  return { url: `http://127.0.0.1:${ports[TELEMETRY]}`, token: secrets.get(TELEMETRY) };
}

/** A new link to the console, for whom it is: it works once. */
export function consoleLink(
  { ports, secrets }: Pick<AttendantFacts, 'ports' | 'secrets'>,
  role: Role,
): string {
  const ticket = createTickets(secrets.get(CONSOLE)).issueLogin(role, Date.now());
  // Behind the sign a browser keeps to itself: no server, log or referrer sees it.
  return `http://127.0.0.1:${ports[CONSOLE]}/#login=${ticket}`;
}

/** Which settings of the user reach the store. */
const OF_STORE = /^TELEMETRY_(MAX_\w+|SLOW_MS)$/;

/** What such a process is told besides what every process is. */
export function attendantSettings(facts: AttendantFacts, name: string): Readonly<Record<string, string>> {
  if (name === CONSOLE)
    return {
      PORT: String(facts.ports[CONSOLE]),
      DATA_DIR: facts.dataDir.path,
      CONSOLE_SECRET: facts.secrets.get(CONSOLE),
    };
  if (name !== TELEMETRY) throw new TypeError(`unknown process ${name}`);
  const given = Object.entries(facts.inherited).flatMap(([variable, value]) =>
    value !== undefined && OF_STORE.test(variable) ? [[variable, value] as const] : [],
  );
  return {
    ...Object.fromEntries(given),
    PORT: String(facts.ports[TELEMETRY]),
    TELEMETRY_FILE: telemetryFile(facts.dataDir),
    TELEMETRY_TOKEN: telemetryTarget(facts).token,
  };
}

/** Read by whoever may read the data directory, while the store writes it. */
export function telemetryFile({ path }: DataDir): string {
  return join(path, 'telemetry', 'telemetry.db');
}
