/** Names that code has registered; `any` for tools that do not run that code. */
export type Names = readonly string[] | 'any';

/** What code has registered under names that the file may use. */
export interface Registered {
  readonly handlers?: Names;
  readonly aggregators?: Names;
  readonly balancers?: Names;
  /** Authentication providers. */
  readonly providers?: Names;
  /** Services are found by code: `ServiceName` needs no `ServiceDiscoveryProvider`. */
  readonly discovery?: boolean;
}

export const ANYTHING: Registered = {
  handlers: 'any',
  aggregators: 'any',
  balancers: 'any',
  providers: 'any',
  discovery: true,
};

export function hasName(names: Names | undefined, name: string): boolean {
  return names === 'any' || names?.includes(name) === true;
}

/** For suggestions. */
export function listed(names: Names | undefined): readonly string[] {
  return names === undefined || names === 'any' ? [] : names;
}
