import type { DeadLetters, QueueStatus } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import type { SagaDesk } from '@flotilla/saga/desk';
import type { TelemetryReader } from '@flotilla/telemetry-store';

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
  readonly withDeadLetters: readonly string[];
  /** As its owner, for one piece of work. */
  readonly inDatabase: <T>(service: string, work: (db: Database) => Promise<T>) => Promise<T>;
  readonly sagaDesk: (db: Database) => SagaDesk;
  readonly deadLetters: (db: Database) => DeadLetters;
  /** `undefined` while there is no store, or it has written nothing. */
  readonly telemetry: () => TelemetryReader | undefined;
  /** Who works at this console. */
  readonly operator: string;
  readonly audit: Audit;
  readonly now: () => number;
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
