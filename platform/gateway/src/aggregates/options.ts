import type { MatchConfig } from '../routing/options.ts';

export interface AggregateConfig extends MatchConfig {
  readonly routeKeys: readonly string[];
  /** Calls of a key for each value found in the body of the first part. */
  readonly expansions: ReadonlyMap<string, { readonly jsonPath: string; readonly parameter: string }>;
  /** Registered in code. */
  readonly aggregator: string | undefined;
}
