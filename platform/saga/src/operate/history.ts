import type { Database } from '@flotilla/postgres';
import type { Closing, Direction } from '../decide/state.ts';
import type { Via } from '../define/step.ts';

/** One opened step in the history of a saga. */
export interface SagaStepRecord {
  readonly step: string;
  /** The step of a parallel group that this is about. */
  readonly branch?: string;
  readonly direction: Direction;
  readonly via: Via;
  /** `unknown`: given up before its outcome was known. */
  readonly status: 'open' | Closing;
  /** Attempts whose end was recorded. */
  readonly attempts: number;
  readonly commandId: string;
  /** The command as it was sent; of a call the digest of its data. */
  readonly request?: unknown;
  /** What the participant answered: the result, or the refusal. */
  readonly reply?: unknown;
  readonly lastError?: { readonly code: string; readonly message: string };
  readonly startedAt: Date;
  readonly endedAt?: Date;
}

/** An attempt that ended without closing its step. */
export interface SagaAttemptRecord {
  readonly step: string;
  readonly branch?: string;
  readonly direction: Direction;
  readonly attempt: number;
  readonly error: { readonly code: string; readonly message: string };
  readonly endedAt: Date;
}

/** A message that was delivered late, parked or ignored. */
export interface SagaMessageRecord {
  readonly messageId: string;
  readonly type: string;
  readonly state: 'parked' | 'applied' | 'ignored';
  readonly note: string;
  readonly sagaType?: string;
  readonly key?: string;
  readonly commandId?: string;
  readonly data: unknown;
  readonly receivedAt: Date;
}

/** What an operator did. */
export interface SagaAuditRecord {
  readonly verb: string;
  readonly by: string;
  readonly reason: string;
  readonly at: Date;
  readonly before: object;
  readonly after: object;
}

export interface SagaHistory {
  /** In the order in which the steps were opened. */
  readonly history: readonly SagaStepRecord[];
  readonly attempts: readonly SagaAttemptRecord[];
  readonly messages: readonly SagaMessageRecord[];
  readonly audit: readonly SagaAuditRecord[];
}

export async function readHistory(db: Database, id: string): Promise<SagaHistory> {
  const [steps, attempts, messages, audit] = await Promise.all([
    db.query<StepRow>('SELECT * FROM saga_step WHERE saga_id = $1 ORDER BY seq', [id]),
    db.query<AttemptRow>('SELECT * FROM saga_attempt WHERE saga_id = $1 ORDER BY seq', [id]),
    db.query<MessageRow>('SELECT * FROM saga_message WHERE saga_id = $1 ORDER BY received_at', [id]),
    db.query<AuditRow>('SELECT * FROM saga_audit WHERE saga_id = $1 ORDER BY seq', [id]),
  ]);
  return {
    history: steps.map(toStepRecord),
    attempts: attempts.map(toAttemptRecord),
    messages: messages.map(toMessageRecord),
    audit: audit.map(({ operator: by, verb, reason, at, before, after }) => ({
      verb,
      by,
      reason,
      at,
      before,
      after,
    })),
  };
}

/** Messages that wait for their saga, the oldest first. */
export async function listParked(db: Database, limit: number): Promise<readonly SagaMessageRecord[]> {
  const rows = await db.query<MessageRow>(
    "SELECT * FROM saga_message WHERE state = 'parked' ORDER BY received_at LIMIT $1",
    [limit],
  );
  return rows.map(toMessageRecord);
}

interface StepRow {
  readonly step: string;
  readonly branch: string;
  readonly kind: Direction;
  readonly via: Via;
  readonly status: SagaStepRecord['status'];
  readonly attempts: number;
  readonly command_id: string;
  readonly request: unknown;
  readonly reply: unknown;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
}

function toStepRecord(row: StepRow): SagaStepRecord {
  return {
    step: row.step,
    ...branchOf(row),
    direction: row.kind,
    via: row.via,
    status: row.status,
    attempts: row.attempts,
    commandId: row.command_id,
    ...(row.request !== null && { request: row.request }),
    ...(row.reply !== null && { reply: row.reply }),
    ...lastErrorOf(row),
    startedAt: row.started_at,
    ...(row.ended_at && { endedAt: row.ended_at }),
  };
}

interface AttemptRow {
  readonly step: string;
  readonly branch: string;
  readonly kind: Direction;
  readonly attempt: number;
  readonly error_code: string;
  readonly error_message: string;
  readonly ended_at: Date;
}

function toAttemptRecord(row: AttemptRow): SagaAttemptRecord {
  const error = { code: row.error_code, message: row.error_message };
  return {
    ...{ step: row.step, ...branchOf(row), direction: row.kind },
    ...{ attempt: row.attempt, error, endedAt: row.ended_at },
  };
}

interface MessageRow {
  readonly message_id: string;
  readonly saga_type: string;
  readonly state: SagaMessageRecord['state'];
  readonly note: string;
  readonly command_id: string | null;
  readonly key: string | null;
  readonly message: { readonly type: string; readonly data: unknown };
  readonly received_at: Date;
}

function toMessageRecord(row: MessageRow): SagaMessageRecord {
  return {
    ...{ messageId: row.message_id, type: row.message.type, state: row.state, note: row.note },
    ...(row.saga_type !== '' && { sagaType: row.saga_type }),
    ...(row.key !== null && { key: row.key }),
    ...(row.command_id !== null && { commandId: row.command_id }),
    data: row.message.data,
    receivedAt: row.received_at,
  };
}

interface AuditRow {
  readonly operator: string;
  readonly verb: string;
  readonly reason: string;
  readonly at: Date;
  readonly before: object;
  readonly after: object;
}

function branchOf({ branch }: { readonly branch: string }): { readonly branch?: string } {
  return branch === '' ? {} : { branch };
}

export function lastErrorOf(row: {
  readonly error_code: string | null;
  readonly error_message: string | null;
}): { readonly lastError?: { readonly code: string; readonly message: string } } {
  if (row.error_code === null) return {};
  return { lastError: { code: row.error_code, message: row.error_message ?? '' } };
}
