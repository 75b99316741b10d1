import { createValidator, toError, type Validate } from '@flotilla/kernel';
import { isStorableJson, storableText } from '@flotilla/postgres';
import { eventStoreError } from '../errors.ts';
import type { DomainEvent, EventFacts, EventType, Recorded } from './event.ts';
import type { EventRow } from './event-row.ts';

/** All the events that streams of one kind may hold: `order`. */
export interface Category<E extends DomainEvent> {
  readonly name: string;
  /** The stream of one thing: `order-<id>`. */
  stream(id: string): Stream<E>;
  /** An event as `append_events` takes it: type, schema version, data. Throws `EVENT_STORE_INVALID_EVENT`. */
  encode(event: E): readonly [type: string, version: number, data: unknown];
  /** A stored event, lifted to the newest schema. Throws `EVENT_STORE_UNKNOWN_EVENT` and `EVENT_STORE_INVALID_EVENT`. */
  decode(row: EventRow): Recorded<E>;
}

export interface Stream<E extends DomainEvent> {
  readonly id: string;
  readonly category: Category<E>;
}

/** The union of the events of a category. */
export type EventOf<C> = C extends Category<infer E> ? E : never;

const NAME = /^[a-z][a-z0-9-]{0,49}$/;
const MAX_STREAM_ID = 200;
const MAX_EVENT_BYTES = 256 * 1_024;

interface Known {
  readonly type: EventType<DomainEvent>;
  readonly validate: Validate<unknown>;
}

/** Declares a category with the events it may hold. */
export function defineCategory<E extends DomainEvent>(
  name: string,
  types: { readonly [Type in E['type']]: EventType<Extract<E, { readonly type: Type }>> },
): Category<E> {
  if (!NAME.test(name)) throw new TypeError(`not the name of a category: ${name}`);
  const known = new Map<string, Known>();
  for (const [key, declared] of Object.entries(types)) {
    // The mapped type above says what each of them is; `Object.entries` forgets it.
    const type = declared as EventType<DomainEvent>;
    if (type.type !== key) throw new TypeError(`category ${name} lists ${type.type} as ${key}`);
    known.set(key, { type, validate: createValidator(type.schema) });
  }
  const category: Category<E> = {
    name,
    stream: (id) => {
      const streamId = `${name}-${id}`;
      if (id === '' || streamId.length > MAX_STREAM_ID)
        throw new RangeError(`the id of a stream has 1 to ${MAX_STREAM_ID} characters with its category`);
      if (storableText(streamId) !== streamId)
        throw new RangeError(
          'the id of a stream has NUL or half a surrogate pair, which PostgreSQL does not store',
        );
      return { id: streamId, category };
    },
    encode: (event) => encode(find(name, known, event.type), event),
    // Its data were validated against the schema of this very type.
    decode: (row) => decode(find(name, known, row.type), row) as Recorded<E>,
  };
  return category;
}

function find(category: string, known: ReadonlyMap<string, Known>, type: string): Known {
  const found = known.get(type);
  if (found) return found;
  throw eventStoreError('EVENT_STORE_UNKNOWN_EVENT', `category ${category} knows no event ${type}`, {
    details: { category, type },
  });
}

function encode({ type, validate }: Known, event: DomainEvent): readonly [string, number, unknown] {
  const valid = validate(event.data);
  if (!valid.ok) throw invalid(type, 'does not match its schema', { issues: valid.rejection });
  const json = JSON.stringify(event.data);
  if (Buffer.byteLength(json) > MAX_EVENT_BYTES)
    throw invalid(type, `is larger than ${MAX_EVENT_BYTES} bytes`);
  if (!isStorableJson(json))
    throw invalid(type, 'has NUL or half a surrogate pair in a text, which PostgreSQL does not store');
  return [type.type, type.version, event.data];
}

function decode({ type, validate }: Known, row: EventRow): DomainEvent & EventFacts {
  if (row.schema_version > type.version)
    throw eventStoreError(
      'EVENT_STORE_UNKNOWN_EVENT',
      `${type.type} was stored with schema version ${row.schema_version}; this code knows ${type.version}`,
      { details: { type: type.type, version: row.schema_version, streamId: row.stream_id } },
    );
  const data = row.schema_version === type.version ? row.data : upcast(type, validate, row);
  return {
    type: type.type,
    data,
    streamId: row.stream_id,
    version: row.version,
    xid: row.xid,
    position: row.position,
    recordedAt: row.recorded_at,
    ...(row.correlation_id !== null && { correlationId: row.correlation_id }),
    ...(row.causation_id !== null && { causationId: row.causation_id }),
    ...(row.traceparent !== null && { traceparent: row.traceparent }),
  };
}

/** Checked at its end: an upcaster that forgot something must not feed rules that rely on the schema. */
function upcast(type: EventType<DomainEvent>, validate: Validate<unknown>, row: EventRow): unknown {
  const where = { streamId: row.stream_id, version: row.version, schemaVersion: row.schema_version };
  let data = row.data;
  try {
    for (const lift of type.upcasters.slice(row.schema_version - 1)) data = lift(data as never);
  } catch (thrown) {
    throw invalid(type, `could not be upcast: ${toError(thrown).message}`, where, thrown);
  }
  const valid = validate(data);
  if (!valid.ok)
    throw invalid(type, 'does not match its schema once upcast', { ...where, issues: valid.rejection });
  return data;
}

function invalid(type: EventType<DomainEvent>, what: string, facts: object = {}, cause?: unknown) {
  return eventStoreError('EVENT_STORE_INVALID_EVENT', `${type.type} ${what}`, {
    details: { type: type.type, ...facts },
    cause,
  });
}
