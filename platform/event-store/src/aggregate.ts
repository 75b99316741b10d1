import { accept, type Result } from '@flotilla/kernel';
import type { Database, Transaction } from '@flotilla/postgres';
import type { AppendOptions, EventStore } from './event-store.ts';
import type { Category } from './stream/category.ts';
import { type Decider, fold } from './stream/decider.ts';
import type { DomainEvent } from './stream/event.ts';
import { lockStream, readToEnd } from './stream/read-stream.ts';
import { readSnapshot, type Snapshot, writeSnapshot } from './stream/snapshot-store.ts';

export interface SnapshotOptions {
  readonly db: Database;
  /** Raise it whenever the shape of the state changes: older snapshots are then ignored. */
  readonly schemaVersion: number;
  /** One each time that many events have been added. */
  readonly everyEvents: number;
  /** Told of a snapshot that could not be written; the events are safe. */
  readonly onError: (error: unknown) => void;
}

export interface AggregateOptions<State, Command, E extends DomainEvent, Rejection> {
  readonly store: EventStore;
  readonly category: Category<E>;
  readonly decider: Decider<State, Command, E, Rejection>;
  /** For streams of hundreds of events; the state must then survive JSON. Default: none. */
  readonly snapshots?: SnapshotOptions;
}

/** Where a thing stands. Version 0: nothing has happened yet. */
export interface Loaded<State> {
  readonly state: State;
  readonly version: number;
}

export interface Aggregate<State, Command, E extends DomainEvent, Rejection> {
  /** Its state; with `lock`, nobody else appends to it until the transaction ends (if it exists). */
  load(tx: Transaction, id: string, options?: { readonly lock?: boolean }): Promise<Loaded<State>>;
  /**
   * Loads with a lock, decides and appends what follows. A refusal is returned and writes nothing. Commands to one
   * thing wait for each other, so they do not conflict; two that both create it do (`EVENT_STORE_VERSION_CONFLICT`).
   */
  execute(
    tx: Transaction,
    id: string,
    command: Command,
    lineage?: Omit<AppendOptions, 'expect'>,
  ): Promise<Result<readonly E[], Rejection>>;
}

export function createAggregate<State, Command, E extends DomainEvent, Rejection>({
  store,
  category,
  decider,
  snapshots,
}: AggregateOptions<State, Command, E, Rejection>): Aggregate<State, Command, E, Rejection> {
  async function load(tx: Transaction, id: string, lock: boolean): Promise<Loaded<State>> {
    const stream = category.stream(id);
    const known: Snapshot<State> =
      (snapshots && (await readSnapshot<State>(tx, stream.id, snapshots.schemaVersion))) ??
      ({ version: 0, state: decider.initial } as const);
    const events = lock
      ? (await lockStream(tx, stream, known.version + 1)).events
      : await readToEnd(tx, stream, known.version + 1);
    return { state: fold(decider, known.state, events), version: known.version + events.length };
  }

  function keepSnapshot(
    tx: Transaction,
    id: string,
    before: number,
    { state, version }: Loaded<State>,
  ): void {
    if (!snapshots) return;
    const { db, schemaVersion, everyEvents, onError } = snapshots;
    if (Math.floor(version / everyEvents) === Math.floor(before / everyEvents)) return;
    tx.afterCommit(() => {
      writeSnapshot(db, category.stream(id).id, schemaVersion, { version, state }).catch(onError);
    });
  }

  return {
    load: (tx, id, { lock = false } = {}) => load(tx, id, lock),
    execute: async (tx, id, command, lineage = {}) => {
      const { state, version } = await load(tx, id, true);
      const decision = decider.decide(command, state);
      if (!decision.ok || decision.value.length === 0) return decision;
      const events = decision.value;
      const { version: now } = await store.append(tx, category.stream(id), events, {
        ...lineage,
        expect: version,
      });
      keepSnapshot(tx, id, version, { state: fold(decider, state, events), version: now });
      return accept(events);
    },
  };
}
