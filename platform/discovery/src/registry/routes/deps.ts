import type { Agent } from '../agent.ts';
import type { Catalog } from '../state/catalog.ts';
import type { KeyValues } from '../state/kv.ts';
import type { Sessions } from '../state/sessions.ts';
import type { Topics } from '../state/topics.ts';

export interface RouteDeps {
  readonly agent: Agent;
  readonly catalog: Catalog;
  readonly kv: KeyValues;
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly random: () => number;
  readonly newId: () => string;
  /** Where it serves, `host:port`. */
  readonly address: () => string;
}
