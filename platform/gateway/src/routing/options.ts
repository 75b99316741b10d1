/** What decides whether a request is for a route or an aggregate. */
export interface MatchConfig {
  /** The upstream template as written: names the route in logs and metrics. */
  readonly name: string;
  /** Upper case; empty = any. */
  readonly methods: readonly string[];
  readonly upstreamHost: string | undefined;
  readonly headerTemplates: ReadonlyMap<string, string>;
  readonly caseSensitive: boolean;
  readonly priority: number;
}
