import type { Schema } from '@flotilla/kernel';
import type { FeedPosition } from './position.ts';

/** A fact of the domain, as rules see it. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** Rewrites the data of one schema version as those of the next. Pure: it runs whenever an old event is read. */
export type Upcaster = (data: never) => unknown;

export interface EventType<E extends DomainEvent> {
  readonly type: E['type'];
  /** Version of the schema, from 1. */
  readonly version: number;
  readonly schema: Schema<E['data']>;
  /** One for each version before this one: the first lifts 1 to 2. */
  readonly upcasters: readonly Upcaster[];
}

export interface EventDefinition<Type extends string, Data> {
  /** In the past tense: `order-placed`. */
  readonly type: Type;
  /** Raise it with every change of the schema that stored events do not match. Default 1. */
  readonly version?: number;
  readonly schema: Schema<Data>;
  readonly upcasters?: readonly Upcaster[];
}

const TYPE = /^[a-z][a-z0-9-]{0,99}$/;

/** Declares an event. Throws `TypeError` for a bad name or when a version has no way up to the newest. */
export function defineEvent<const Type extends string, Data>(
  definition: EventDefinition<Type, Data>,
): EventType<DomainEvent<Type, Data>> {
  const { type, version = 1, schema, upcasters = [] } = definition;
  if (!TYPE.test(type)) throw new TypeError(`not the name of an event: ${type}`);
  if (!Number.isInteger(version) || version < 1 || upcasters.length !== version - 1)
    throw new TypeError(
      `event ${type} has version ${version} and ${upcasters.length} upcasters; it needs one less than versions`,
    );
  return { type, version, schema, upcasters };
}

/** An event as it is stored, with the data of the newest schema version. */
export type Recorded<E extends DomainEvent> = E & EventFacts;

export interface EventFacts extends FeedPosition {
  readonly streamId: string;
  /** Place in its stream, from 1 without gaps. */
  readonly version: number;
  readonly recordedAt: Date;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly traceparent?: string;
}
