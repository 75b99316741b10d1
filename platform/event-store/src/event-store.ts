import { storableText, type Transaction } from '@flotilla/postgres';
import { currentContext, formatTraceparent } from '@flotilla/telemetry';
import { eventStoreError } from './errors.ts';
import { indexProjections, type Projection, type Projections } from './projection/projection.ts';
import type { Stream } from './stream/category.ts';
import type { DomainEvent, Recorded } from './stream/event.ts';
import type { FeedPosition } from './stream/position.ts';

/**
 * What must be true of the stream: its version, `none` (it does not exist; the same as 0), `exists`, or `any`, which
 * never conflicts.
 */
export type ExpectedVersion = number | 'none' | 'exists' | 'any';

export interface AppendOptions {
  readonly expect: ExpectedVersion;
  /** Default: that of the running request or message. */
  readonly correlationId?: string;
  /** What made it happen: the id of a message or a command. */
  readonly causationId?: string;
}

/** Where the last of the appended events stands. */
export interface Appended extends FeedPosition {
  readonly version: number;
}

export interface EventStore {
  /**
   * Appends in the caller's transaction, inline projections included: events, read models and whatever else that
   * transaction writes (an outbox row) commit together or not at all. Two statements with one inline projection.
   *
   * Throws `EVENT_STORE_VERSION_CONFLICT` when the expectation is not met; the transaction stays usable. Throws
   * `EVENT_STORE_ORDER_CONFLICT` when this transaction began to write before, but appends after, another one: let the
   * error pass and `Database.transaction` runs everything again. It cannot happen to a transaction whose first write
   * is this append or a locking load of an existing stream. Throws `EVENT_STORE_INVALID_EVENT`.
   */
  append<E extends DomainEvent>(
    tx: Transaction,
    stream: Stream<E>,
    events: readonly E[],
    options: AppendOptions,
  ): Promise<Appended>;
}

export interface EventStoreOptions {
  /** All of the service, those that are not inline too: `createProjectionRunner` takes the same list. */
  readonly projections?: readonly Projection[];
  /** Called after each commit that appended something: `runner.nudge`. A hint only. */
  readonly onCommit?: () => void;
}

export function createEventStore({ projections = [], onCommit }: EventStoreOptions = {}): EventStore {
  const known = indexProjections(projections);
  return {
    append: async (tx, stream, events, options) => {
      if (events.length === 0) throw new RangeError(`nothing to append to ${stream.id}`);
      const row = await insert(tx, stream, events, options);
      await projectInline(tx, known, stream, events, options, row);
      if (onCommit) tx.afterCommit(onCommit);
      return { version: row.at_version, xid: row.at_xid, position: row.positions.at(-1) ?? '0' };
    },
  };
}

interface AppendRow {
  readonly outcome: 'appended' | 'version-conflict' | 'order-conflict';
  readonly at_version: number;
  readonly at_xid: string;
  readonly positions: readonly string[];
  readonly at_time: Date;
  readonly targets: readonly InlineTarget[] | null;
}

interface InlineTarget {
  readonly name: string;
  readonly generation: number;
  readonly version: number;
}

const APPEND = `SELECT outcome, at_version, at_xid::text, positions, at_time, targets
  FROM append_events($1, $2, $3, $4::text::jsonb, $5, $6, $7)`;

const EXPECTED = { none: 0, exists: -1, any: null } as const;

async function insert<E extends DomainEvent>(
  tx: Transaction,
  { id, category }: Stream<E>,
  events: readonly E[],
  options: AppendOptions,
): Promise<AppendRow> {
  const { expect } = options;
  const expected = typeof expect === 'number' ? expect : EXPECTED[expect];
  const { correlationId, causationId, traceparent } = lineage(options);
  const [row] = await tx.query<AppendRow>(APPEND, [
    id,
    category.name,
    expected,
    JSON.stringify(events.map((event) => category.encode(event))),
    correlationId ?? null,
    causationId ?? null,
    traceparent ?? null,
  ]);
  if (row?.outcome === 'appended') return row;
  const actual = row?.at_version ?? 0;
  if (row?.outcome === 'version-conflict')
    throw eventStoreError(
      'EVENT_STORE_VERSION_CONFLICT',
      `stream ${id} is at version ${actual}, expected was ${expect}`,
      { details: { streamId: id, expected: expect, actual } },
    );
  throw eventStoreError(
    'EVENT_STORE_ORDER_CONFLICT',
    `a transaction that began to write later has appended to stream ${id} already`,
    { details: { streamId: id, actual, rerun: 'transaction' } },
  );
}

function lineage({ correlationId, causationId }: AppendOptions) {
  const context = currentContext();
  return {
    correlationId: storableId(correlationId ?? context?.correlationId),
    causationId: storableId(causationId),
    traceparent: context && formatTraceparent(context.trace),
  };
}

/** The ids of foreign messages are theirs. */
function storableId(id: string | undefined): string | undefined {
  return id === undefined ? undefined : storableText(id);
}

async function projectInline<E extends DomainEvent>(
  tx: Transaction,
  known: Projections,
  stream: Stream<E>,
  events: readonly E[],
  options: AppendOptions,
  row: AppendRow,
): Promise<void> {
  const targets = row.targets ?? [];
  if (targets.length === 0) return;
  const recorded = asRecorded(stream, events, options, row);
  for (const { name, version, generation } of targets) {
    const projection = known.find(name, version);
    if (projection === undefined)
      throw eventStoreError(
        'EVENT_STORE_UNKNOWN_PROJECTION',
        `the database writes projection ${name} version ${version} with every append; this code does not define it`,
        { details: { name, version } },
      );
    for (const event of recorded) await projection.handle(tx, event, { generation });
  }
}

/** What a reader of the log will see: data that have been through JSON. */
function asRecorded<E extends DomainEvent>(
  stream: Stream<E>,
  events: readonly E[],
  options: AppendOptions,
  row: AppendRow,
): readonly Recorded<DomainEvent>[] {
  const { correlationId, causationId, traceparent } = lineage(options);
  const before = row.at_version - events.length;
  return events.map((event, index) => ({
    type: event.type,
    data: JSON.parse(JSON.stringify(event.data)) as unknown,
    streamId: stream.id,
    version: before + index + 1,
    xid: row.at_xid,
    position: row.positions[index] ?? '0',
    recordedAt: row.at_time,
    ...(correlationId !== undefined && { correlationId }),
    ...(causationId !== undefined && { causationId }),
    ...(traceparent !== undefined && { traceparent }),
  }));
}
