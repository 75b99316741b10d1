import type { DownstreamTarget } from '../../backends/options.ts';

/** Two implementations of one route while one replaces the other. */
export interface StranglerConfig {
  readonly mode: 'legacy' | 'new' | 'new-with-fallback' | 'legacy-with-fallback' | 'split' | 'shadow';
  /** The new side; the route's own target is the legacy one. */
  readonly target: DownstreamTarget;
  readonly scheme: 'http' | 'https';
  readonly pathTemplate: string | undefined;
  /** Of requests that go to the new side (`split`) or are copied to it (`shadow`), 0 … 100. */
  readonly percent: number;
  /** What keeps one user on one side: a header or claim, else the client's address. */
  readonly stickyBy:
    | { readonly kind: 'header' | 'claim'; readonly name: string }
    | { readonly kind: 'address' };
  /** Statuses of the first side that make the other one answer. Failures always do. */
  readonly fallbackStatuses: readonly number[];
  /** Dotted paths in JSON answers and header names that shadow comparison leaves out. */
  readonly ignore: readonly string[];
}

/** Versions of one service by discovery tag: `{ tag: 'v2', weight: 10 }`. */
export interface VersionConfig {
  readonly tag: string;
  readonly weight: number;
}
