import type { Clock } from '@flotilla/kernel';
import { BSON, type Collection, type Db, MongoError, MongoNetworkError, MongoServerError } from 'mongodb';
import { documentsUnavailable } from '../errors.ts';
import type { Stock } from '../stock-store.ts';
import type { Operation, OrderState, Product } from './state.ts';

/** One commit: everything it has done, or it is not there. */
export interface Entry {
  /** Its position: 1, 2, 3, … without a gap. */
  readonly _id: number;
  /** Of this attempt, to be known again when nobody can say whether it got through. */
  readonly by: string;
  readonly at: Date;
  readonly operations: readonly Operation[];
}

/** Part of the state after an entry. */
export interface SnapshotPart {
  readonly products?: readonly Product[];
  readonly stocks?: readonly (Stock & { readonly productId: string })[];
  readonly orders?: readonly (OrderState & { readonly orderId: string })[];
}

export interface Snapshot {
  readonly position: number;
  readonly parts: readonly SnapshotPart[];
}

/**
 * Commits by position: whoever inserts the document with the next `_id` has committed; who finds it taken reads on and
 * decides again. The insert of an `_id` is what every server that speaks MongoDB's protocol keeps exclusive, conditional
 * updates are not. Entries are never deleted: they are the record of movements, and a position that was free again could
 * be taken by a writer that was asleep.
 */
export interface Journal {
  /** Entries behind `position`, in order; some thousand at most. */
  readAfter(position: number): Promise<readonly Entry[]>;
  /** Throws `INVENTORY_DOCUMENTS_UNAVAILABLE` when it is not known whether the entry is there. */
  append(entry: Entry): Promise<'appended' | 'taken'>;
  /** The newest that is whole. */
  readSnapshot(): Promise<Snapshot | undefined>;
  writeSnapshot(snapshot: Snapshot): Promise<void>;
  /** As a document has it. */
  bytesOf(operations: readonly Operation[]): number;
  ping(): Promise<void>;
}

const PAGE = 2_000;
/** How long an insert without an answer is asked about. */
const CERTAINTY_MS = 5_000;
const RETRY_MS = 100;
const KEPT_SNAPSHOTS = 2;

interface SnapshotDocument {
  readonly _id: string;
  readonly position: number;
  /** Of the document that is written last, and makes the others count. */
  readonly parts?: number;
  readonly part?: SnapshotPart;
}

export function createJournal(db: Db, clock: Clock): Journal {
  const entries: Collection<Entry> = db.collection('journal');
  const snapshots: Collection<SnapshotDocument> = db.collection('snapshot');

  /** Is what was sent there, or another in its place? */
  async function settle(entry: Entry): Promise<'appended' | 'taken' | 'absent'> {
    const found = await entries.findOne({ _id: entry._id });
    if (found === null) return 'absent';
    return found.by === entry.by ? 'appended' : 'taken';
  }

  async function insert(entry: Entry): Promise<'appended' | 'taken' | 'unknown'> {
    try {
      await entries.insertOne(entry);
      return 'appended';
    } catch (error) {
      if (error instanceof MongoServerError && error.code === 11_000) return 'taken';
      if (isAway(error)) return 'unknown';
      throw error;
    }
  }

  return {
    readAfter: (position) =>
      asked(() =>
        entries
          .find({ _id: { $gt: position } })
          .sort({ _id: 1 })
          .limit(PAGE)
          .toArray(),
      ),
    append: async (entry) => {
      const untilMs = clock.now().getTime() + CERTAINTY_MS;
      let isUnsure = false;
      for (;;) {
        const inserted = await insert(entry);
        if (inserted === 'appended' || (inserted === 'taken' && !isUnsure)) return inserted;
        isUnsure = true;
        const settled = await settle(entry).catch((error) => {
          if (isAway(error)) return 'absent' as const;
          throw error;
        });
        if (settled !== 'absent') return settled;
        if (clock.now().getTime() > untilMs) throw documentsUnavailable(undefined);
        await clock.sleep(RETRY_MS);
      }
    },
    readSnapshot: () =>
      asked(async () => {
        const markers = await snapshots
          .find({ parts: { $exists: true } })
          .sort({ position: -1 })
          .toArray();
        for (const { position, parts = 0 } of markers) {
          const ids = Array.from({ length: parts }, (_, index) => `${position}/${index}`);
          const found = await snapshots.find({ _id: { $in: ids } }).toArray();
          if (found.length === parts) return { position, parts: found.flatMap(({ part }) => part ?? []) };
        }
        return undefined;
      }),
    writeSnapshot: ({ position, parts }) =>
      asked(async () => {
        for (const [index, part] of parts.entries())
          await insertOnce(snapshots, { _id: `${position}/${index}`, position, part });
        await insertOnce(snapshots, { _id: String(position), position, parts: parts.length });
        const markers = await snapshots
          .find({ parts: { $exists: true } })
          .sort({ position: -1 })
          .toArray();
        const oldest = markers[KEPT_SNAPSHOTS - 1];
        if (oldest !== undefined) await snapshots.deleteMany({ position: { $lt: oldest.position } });
      }),
    bytesOf: (operations) => BSON.calculateObjectSize({ operations }),
    ping: () =>
      asked(async () => {
        await db.command({ ping: 1 });
      }),
  };
}

/** Two that write the snapshot of one position write the same. */
async function insertOnce(
  snapshots: Collection<SnapshotDocument>,
  document: SnapshotDocument,
): Promise<void> {
  try {
    await snapshots.insertOne(document);
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === 11_000)) throw error;
  }
}

async function asked<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw isAway(error) ? documentsUnavailable(error) : error;
  }
}

/**
 * The server is away, or not the one that may write just now: codes of a primary that steps down, shuts down or cannot reach
 * the others; 1 is FerretDB's while its PostgreSQL is away. Everything else that a server refuses is a defect.
 */
const AWAY_CODES: ReadonlySet<unknown> = new Set([
  1, 50, 64, 91, 189, 262, 10_107, 11_600, 11_602, 13_435, 13_436,
]);
const AWAY_NAMES =
  /^Mongo(?:ServerSelection|NotConnected|TopologyClosed|WaitQueueTimeout|OperationTimeout|WriteConcern)Error$/;

function isAway(error: unknown): boolean {
  if (error instanceof MongoNetworkError) return true;
  if (!(error instanceof MongoError)) return false;
  return AWAY_NAMES.test(error.name) || (error instanceof MongoServerError && AWAY_CODES.has(error.code));
}
