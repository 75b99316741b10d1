import type { DeadLetters, OutboxStatistics, QueueStatus } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { SagaDesk } from '@flotilla/saga/desk';
import type { TelemetryReader } from '@flotilla/telemetry-store';

/** Who may do what: a viewer looks at everything, an operator changes it, too. */
export const ROLES = ['viewer', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** A process as `flotilla ps` lists it. */
export interface ProcessRow {
  readonly service: string;
  readonly instance: string;
  readonly pid: number | null;
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly uptimeSeconds: number | null;
  readonly rssBytes: number | null;
  readonly url: string | null;
}

export type ServiceAction = 'start' | 'stop' | 'restart';

export interface QueueRow extends QueueStatus {
  readonly subscriber: string;
  readonly state: string;
}

/** Something that the business knows by an id, such as an order, and where its parts lie. */
export interface RecordConfig {
  /** Of its page, in the plural: `Orders`. */
  readonly title: string;
  /** Rows with `id`; `$1` is what was searched for, `''` for all, `$2` how many. */
  readonly list: PartQuery;
  /** `$1` is the id. */
  readonly parts: readonly (PartQuery & { readonly title: string })[];
  /** Where its process is: a query that gives `saga_id` for the id. */
  readonly saga?: PartQuery;
  /** Attributes of spans that hold its id. Lines of logs are found by the id itself. */
  readonly spanAttributes?: readonly string[];
}

export interface PartQuery {
  /** The service whose database it is. */
  readonly database: string;
  /** It may only read: the transaction that it runs in cannot write. */
  readonly sql: string;
}

/** One number that a process tells of itself; `job` among its labels is its service. */
export interface Sample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What every process counts now, and who did not answer. */
export interface Scrape {
  readonly samples: readonly Sample[];
  readonly missing: readonly { readonly service: string; readonly why: string }[];
}

/** Something that is made to go wrong on purpose. */
export interface FaultRow {
  readonly from: string;
  readonly to: string;
  /** As the command line takes it. */
  readonly text: string;
}

/** An instance in the registry. */
export interface InstanceRow {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly status: 'passing' | 'warning' | 'critical';
  readonly tags: readonly string[];
  /** What its checks say. */
  readonly output: string;
}

/** Where services are found. */
export interface RegistryView {
  /** Where it is, and whether it belongs to the system. */
  readonly source: string;
  readonly instances: readonly InstanceRow[];
}

/** An objective, and how fast its budget is used. */
export interface SloRow {
  readonly name: string;
  readonly indicator: string;
  readonly description: string;
  readonly objective: number;
  /** Since the processes were started; `null` for a level. */
  readonly events: number | null;
  readonly good: number | null;
  /** Of what may go wrong in 30 days: 1 all of it, below 0 more than there was. */
  readonly budgetLeft: number | null;
  /** How many times too fast, over so many seconds that were watched. */
  readonly burns: readonly { readonly seconds: number; readonly rate: number | null }[];
  /** Its rules would call somebody now, or leave a note. */
  readonly alert: 'page' | 'ticket' | null;
}

/** The admin API of a gateway. What it answers is shown as it is; it has masked its secrets. */
export interface GatewayDesk {
  readonly name: string;
  get(path: string): Promise<unknown>;
  post(path: string, body?: object): Promise<unknown>;
}

/** The service that issues tokens, by its tasks. */
export interface IdentityDesk {
  ask(task: string, ...given: readonly string[]): Promise<unknown>;
  change(
    task: string,
    operator: { readonly by: string; readonly reason: string },
    ...given: readonly string[]
  ): Promise<unknown>;
  /** Public parts alone. */
  keys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Something that must always hold, and what violates it: nothing is a pass. */
export interface InvariantRow {
  readonly id: string;
  readonly what: string;
  readonly violations: readonly Readonly<Record<string, unknown>>[];
  /** Why it was not checked. */
  readonly skipped?: string;
}

/** What the console needs of the running system; the same functions are behind the command line. */
export interface ConsoleDeps {
  readonly system: {
    readonly name: string;
    /** Services, and who of them has a database or the bus. */
    readonly nodes: readonly { readonly name: string; readonly database: boolean; readonly bus: boolean }[];
    /** Declared calls between services. */
    readonly calls: readonly (readonly [from: string, to: string])[];
  };
  readonly records: Readonly<Record<string, RecordConfig>>;
  readonly processes: () => Promise<readonly ProcessRow[]>;
  readonly change: (service: string, action: ServiceAction) => Promise<unknown>;
  /** The newest lines of the processes of a service, oldest first. */
  readonly recentLines: (
    service: string,
    count: number,
  ) => Promise<readonly { readonly instance: string; readonly line: string }[]>;
  readonly queues: () => Promise<readonly QueueRow[]>;
  /** Services that have such tables. */
  readonly withSagas: readonly string[];
  readonly withOutboxes: readonly string[];
  readonly withDeadLetters: readonly string[];
  readonly withEvents: readonly string[];
  /** As its owner, for one piece of work. */
  readonly inDatabase: <T>(service: string, work: (db: Database) => Promise<T>) => Promise<T>;
  readonly sagaDesk: (db: Database) => SagaDesk;
  readonly deadLetters: (db: Database) => DeadLetters;
  readonly outbox: (db: Database) => Promise<OutboxStatistics>;
  /** `undefined` while there is no store, or it has written nothing. */
  readonly telemetry: () => TelemetryReader | undefined;
  readonly scrape: () => Promise<Scrape>;
  readonly faults: {
    list(): Promise<readonly FaultRow[]>;
    /** Instead of what the edge had. */
    add(edge: string, parts: readonly string[]): Promise<readonly FaultRow[]>;
    /** Of one edge, or with `''` all. */
    clear(edge: string): Promise<readonly FaultRow[]>;
  };
  readonly registry: () => Promise<RegistryView>;
  readonly slos: () => Promise<readonly SloRow[]>;
  readonly gateways: () => Promise<readonly GatewayDesk[]>;
  /** Absent where nobody issues tokens. */
  readonly identity?: IdentityDesk;
  /** Absent where the configuration declares none. */
  readonly invariants?: (moment: 'always' | 'at-rest') => Promise<readonly InvariantRow[]>;
  /** The user whose console it is; by this name changes are recorded. */
  readonly operator: string;
  readonly audit: Audit;
  readonly now: () => number;
}

/** What a question is answered from, and as what whoever asks came in. */
export interface Desk extends ConsoleDeps {
  readonly role: Role;
}

export interface AuditRow {
  readonly at: string;
  readonly by: string;
  readonly what: string;
  readonly subject: string;
  readonly reason: string;
  readonly outcome: string;
}

/** What was done here, also to what has no audit of its own. */
export interface Audit {
  add(row: AuditRow): Promise<void>;
  /** Newest first. */
  list(limit: number): Promise<readonly AuditRow[]>;
}
