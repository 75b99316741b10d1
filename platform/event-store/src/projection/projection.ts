import type { Transaction } from '@flotilla/postgres';
import type { Category } from '../stream/category.ts';
import type { DomainEvent, Recorded } from '../stream/event.ts';

/** Where a handler writes: its rows carry this generation, so that a rebuild can fill the next one beside it. */
export interface ProjectionTarget {
  readonly generation: number;
}

/** A read model: how events change its rows. */
export interface Projection {
  readonly name: string;
  readonly version: number;
  readonly inline: boolean;
  readonly categories: ReadonlyMap<string, Category<DomainEvent>>;
  readonly tables: readonly string[];
  handle(tx: Transaction, event: Recorded<DomainEvent>, target: ProjectionTarget): Promise<void>;
}

export interface ProjectionDefinition<E extends DomainEvent> {
  readonly name: string;
  /** Raise it when the same events shall give other rows; both versions stay defined until the old one is not needed. */
  readonly version: number;
  /** Events of these categories; one whose type is not declared there waits for a runner that knows it. */
  readonly categories: readonly Category<E>[];
  /** Every table it writes, each with an `integer` column `generation`. What a generation left is deleted from them. */
  readonly tables: readonly string[];
  /** In the transaction of the append. Default false: by a runner, some time later. */
  readonly inline?: boolean;
  /**
   * Writes what the event means, in a transaction that also records that it was handled: it takes effect once. Only
   * SQL of this transaction, only rows of the target's generation, nothing but the event as input: a rebuild repeats it.
   */
  readonly handle: (tx: Transaction, event: Recorded<E>, target: ProjectionTarget) => Promise<void>;
}

const NAME = /^[a-z][a-z0-9_]{0,49}$/;

/** Declares a read model. Its counterpart is `create_projection` in the migration that makes its tables. */
export function defineProjection<E extends DomainEvent>(definition: ProjectionDefinition<E>): Projection {
  const { name, version, tables } = definition;
  const wrong = [name, ...tables].find((one) => !NAME.test(one));
  if (wrong !== undefined) throw new TypeError(`projection ${name}: not a name: ${wrong}`);
  if (!Number.isInteger(version) || version < 1)
    throw new TypeError(`projection ${name}: not a version: ${version}`);
  return {
    name,
    version,
    tables,
    inline: definition.inline ?? false,
    categories: new Map(
      definition.categories.map((one) => [one.name, one as unknown as Category<DomainEvent>]),
    ),
    // It gets events that its own categories have decoded, and no others.
    handle: (tx, event, target) => definition.handle(tx, event as Recorded<E>, target),
  };
}

/** Definitions by name and version. Throws `TypeError` when one is given twice or `inline` differs between versions. */
export interface Projections {
  find(name: string, version: number): Projection | undefined;
  newest(name: string): Projection | undefined;
  readonly names: readonly string[];
}

export function indexProjections(definitions: readonly Projection[]): Projections {
  const byName = Map.groupBy(definitions, (one) => one.name);
  for (const [name, versions] of byName) {
    if (new Set(versions.map((one) => one.version)).size < versions.length)
      throw new TypeError(`projection ${name} is defined twice in one version`);
    if (new Set(versions.map((one) => one.inline)).size > 1)
      throw new TypeError(`projection ${name} is inline in one version and not in another`);
  }
  return {
    names: [...byName.keys()],
    find: (name, version) => byName.get(name)?.find((one) => one.version === version),
    newest: (name) => byName.get(name)?.toSorted((a, b) => b.version - a.version)[0],
  };
}
