import { isUuid } from '@flotilla/kernel';
import type { Message } from '@flotilla/messaging';
import { type Queryable, storableJson, storableText } from '@flotilla/postgres';

/** A reply or event, and where it is to be delivered. */
export interface Delivery {
  readonly message: Message;
  /** The type of saga an event is for; '' for a reply. */
  readonly sagaType: string;
  /** The correlation key of an event. */
  readonly key?: string;
}

/** What became of a delivery. */
export interface Settled {
  readonly state: 'parked' | 'applied' | 'ignored';
  readonly note: string;
  readonly sagaId?: string;
}

/** Keeps what became of a message; once more when a parked one was delivered. */
export async function keepMessage(
  db: Queryable,
  { message, sagaType, key }: Delivery,
  { state, note, sagaId }: Settled,
): Promise<void> {
  await db.query(
    `INSERT INTO saga_message (message_id, saga_type, saga_id, state, note, command_id, key, message)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (message_id, saga_type) DO UPDATE SET saga_id = excluded.saga_id, state = excluded.state,
       note = excluded.note`,
    [
      message.id,
      sagaType,
      sagaId ?? null,
      state,
      note,
      sagaType === '' ? (uuidOrNull(message.causationId) ?? null) : null,
      key === undefined ? null : storableText(key),
      storableJson(JSON.stringify(message)),
    ],
  );
}

/** A foreign producer may name as cause what is no command of ours. */
export function uuidOrNull(id: string | undefined): string | null {
  return id !== undefined && isUuid(id) ? id : null;
}

/** Was this event settled for good before? */
export async function isSettled(db: Queryable, { message, sagaType }: Delivery): Promise<boolean> {
  const rows = await db.query(
    "SELECT 1 FROM saga_message WHERE message_id = $1 AND saga_type = $2 AND state <> 'parked'",
    [message.id, sagaType],
  );
  return rows.length > 0;
}

export interface Command {
  readonly sagaId: string;
  readonly status: string;
  readonly step: string;
}

/** The saga that sent a command. */
export async function findCommand(db: Queryable, commandId: string | null): Promise<Command | undefined> {
  const [row] = await db.query<{ saga_id: string; status: string; step: string }>(
    "SELECT saga_id, status, step FROM saga_step WHERE command_id = $1 AND via = 'message'",
    [commandId],
  );
  return row && { sagaId: row.saga_id, status: row.status, step: row.step };
}

/** The saga that has a correlation key. */
export async function findByKey(db: Queryable, type: string, key: string): Promise<string | undefined> {
  const [row] = await db.query<{ saga_id: string }>(
    'SELECT saga_id FROM saga_key WHERE type = $1 AND key = $2',
    [type, storableText(key)],
  );
  return row?.saga_id;
}

export interface KnownVersion {
  readonly type: string;
  readonly version: number;
}

/** Parked messages whose saga is here by now, and of a version that the caller can work on; the oldest first. */
export async function findDeliverable(
  db: Queryable,
  known: readonly KnownVersion[],
  limit: number,
): Promise<readonly { readonly messageId: string; readonly sagaType: string }[]> {
  const rows = await db.query<{ message_id: string; saga_type: string }>(
    `SELECT m.message_id, m.saga_type FROM saga_message m
       LEFT JOIN saga_key k ON k.type = m.saga_type AND k.key = m.key
       LEFT JOIN saga_step s ON s.command_id = m.command_id AND s.via = 'message'
       JOIN saga_instance i ON i.id = coalesce(k.saga_id, s.saga_id)
       JOIN unnest($1::text[], $2::int[]) AS known (type, version) ON known.type = i.type AND known.version = i.def_version
     WHERE m.state = 'parked' ORDER BY m.received_at LIMIT $3`,
    [known.map(({ type }) => type), known.map(({ version }) => version), limit],
  );
  return rows.map((row) => ({ messageId: row.message_id, sagaType: row.saga_type }));
}

/** Takes a parked message for the length of the transaction; `undefined` when another engine has it. */
export async function lockParked(
  tx: Queryable,
  { messageId, sagaType }: { readonly messageId: string; readonly sagaType: string },
): Promise<Delivery | undefined> {
  const [row] = await tx.query<{ message: Message; key: string | null }>(
    `SELECT message, key FROM saga_message
     WHERE message_id = $1 AND saga_type = $2 AND state = 'parked' FOR UPDATE SKIP LOCKED`,
    [messageId, sagaType],
  );
  return row && { message: row.message, sagaType, ...(row.key !== null && { key: row.key }) };
}
