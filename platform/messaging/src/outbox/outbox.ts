import {
  type Clock,
  createValidator,
  isUuid,
  type NewId,
  systemClock,
  uuidv7,
  type Validate,
} from '@flotilla/kernel';
import type { DeferredRows, Transaction } from '@flotilla/postgres';
import { currentContext } from '@flotilla/telemetry';
import { shardOf } from '../bus/shard.ts';
import { MAX_KEY_LENGTH, MAX_MESSAGE_BYTES, toCloudEvent } from '../cloud-event.ts';
import { messagingError } from '../errors.ts';
import { handledMessage } from '../handled-message.ts';
import type { MessageType } from '../message.ts';
import { OUTBOX_HINTS } from './outbox-hints.ts';
import { openProducerSpan } from './producer-span.ts';

export interface PublishOptions {
  /** A UUID. Give it when the same fact may be published twice: consumers then act on it once. Default: a new one. */
  readonly id?: string;
  /** Default: that of the running request or message, else the message's own id. */
  readonly correlationId?: string;
  /** Default: the id of the message being handled. */
  readonly causationId?: string;
  /**
   * Not to be sent earlier. It holds nothing back, and other messages of its key may be sent before it; those that are
   * due at different times are sent in that order. Measured by the clock of the database.
   */
  readonly delayMs?: number;
  /** The same as a moment. Give one of the two. */
  readonly deliverAt?: Date;
}

export interface Outbox {
  /**
   * Writes a message at the end of the caller's transaction, in the same round trip as its COMMIT: it is sent if and only if that
   * transaction commits. Returns the message id. Messages of one key are sent in the order of their inserts; when several transactions publish
   * for one key, let them lock a common row (the aggregate) first, so that this is also their commit order.
   * Throws `MESSAGING_INVALID_DATA` and `MESSAGING_TOO_LARGE`.
   */
  publish<T>(tx: Transaction, type: MessageType<T>, data: T, options?: PublishOptions): Promise<string>;
}

export interface OutboxOptions {
  /** The publishing service's name. */
  readonly source: string;
  readonly clock?: Clock;
  readonly newId?: NewId;
  /**
   * Called after each commit for what it published: `relay.nudge`. A hint only, never needed for delivery. Default: the relays of other processes are
   * told by a notification, which a process with a relay of its own need not send.
   */
  readonly onCommit?: (published: Published) => void;
}

/** What a relay is told of a message. */
export interface Published {
  readonly shard: number;
  /** It is to be sent later. */
  readonly isDelayed: boolean;
}

type OutboxRow = readonly [
  id: string,
  shard: number,
  key: string,
  type: string,
  envelope: string,
  mandatory: boolean,
];

const COLUMNS = 'message_id, shard, key, type, envelope, mandatory';

const INSERT = `INSERT INTO outbox (${COLUMNS}) VALUES ($1::uuid, $2::smallint, $3, $4, $5, $6)`;

const INSERT_MANY = `
  INSERT INTO outbox (${COLUMNS})
  SELECT ${COLUMNS}
  FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::boolean[])
    WITH ORDINALITY AS given (${COLUMNS}, position)
  ORDER BY position`;

/** All messages of a transaction in one statement, numbered in the order in which they were published. */
const MESSAGES: DeferredRows<OutboxRow> = {
  statementFor: (rows) => {
    const [first] = rows;
    if (rows.length === 1 && first !== undefined) return { sql: INSERT, values: first };
    const columns = [0, 1, 2, 3, 4, 5] as const;
    return { sql: INSERT_MANY, values: columns.map((column) => rows.map((row) => row[column])) };
  },
};

const INSERT_DELAYED = `
  INSERT INTO outbox_delayed (message_id, shard, key, type, envelope, mandatory, due_at)
  VALUES ($1::uuid, $2::smallint, $3, $4, $5, $6,
    coalesce($7::timestamptz, clock_timestamp() + $8::float8 * interval '1 millisecond'))`;

export function createOutbox({
  source,
  clock = systemClock,
  newId = uuidv7,
  onCommit,
}: OutboxOptions): Outbox {
  return {
    publish: async (tx, type, data, options = {}) => {
      const valid = validatorOf(type)(data);
      if (!valid.ok) {
        throw messagingError('MESSAGING_INVALID_DATA', `data of ${type.type} does not match its schema`, {
          details: { type: type.type, issues: valid.rejection },
        });
      }
      const key = type.key(data);
      const id = options.id ?? newId();
      assertAddress(type.type, key, id);
      const { traceparent, record } = openProducerSpan(type.type, id);
      const envelope = toCloudEvent({
        id,
        type: type.type,
        source,
        time: clock.now().toISOString(),
        key,
        data,
        ...lineage(id, options),
        ...(traceparent !== undefined && { traceparent }),
      });
      const bytes = Buffer.byteLength(envelope);
      if (bytes > MAX_MESSAGE_BYTES) {
        throw messagingError(
          'MESSAGING_TOO_LARGE',
          `a ${type.type} message has ${bytes} bytes; the limit is ${MAX_MESSAGE_BYTES}`,
          { details: { type: type.type, bytes } },
        );
      }
      const shard = shardOf(key);
      const row: OutboxRow = [id, shard, key, type.type, envelope, type.mandatory ?? false];
      const { deliverAt, delayMs } = options;
      const isDelayed = deliverAt !== undefined || delayMs !== undefined;
      if (isDelayed) await tx.query(INSERT_DELAYED, [...row, deliverAt ?? null, delayMs ?? null]);
      else tx.defer(MESSAGES, row);
      record();
      if (onCommit) tx.afterCommit(() => onCommit({ shard, isDelayed }));
      else tx.defer(OUTBOX_HINTS, isDelayed ? 'delayed' : 'messages');
      return id;
    },
  };
}

function lineage(id: string, options: PublishOptions) {
  const context = currentContext();
  const causationId = options.causationId ?? handledMessage()?.id;
  return {
    correlationId: options.correlationId ?? context?.correlationId ?? id,
    ...(causationId !== undefined && { causationId }),
  };
}

function assertAddress(type: string, key: string, id: string): void {
  if (key === '' || key.length > MAX_KEY_LENGTH) {
    throw messagingError(
      'MESSAGING_INVALID_DATA',
      `the key of ${type} must have 1 to ${MAX_KEY_LENGTH} characters, got ${key.length}`,
    );
  }
  if (key.includes('\0')) {
    throw messagingError('MESSAGING_INVALID_DATA', `the key of ${type} must not contain the character NUL`);
  }
  if (!isUuid(id)) throw messagingError('MESSAGING_INVALID_DATA', `the id of ${type} must be a UUID`);
}

const validators = new WeakMap<object, Validate<unknown>>();

function validatorOf<T>(type: MessageType<T>): Validate<unknown> {
  let validate = validators.get(type);
  if (validate === undefined) {
    validate = createValidator<unknown>(type.schema);
    validators.set(type, validate);
  }
  return validate;
}
