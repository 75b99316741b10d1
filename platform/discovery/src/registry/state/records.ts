export type Status = 'passing' | 'warning' | 'critical';

export type Texts = Readonly<Record<string, string>>;

export interface Address {
  readonly Address: string;
  readonly Port: number;
}

/** A service instance as it was registered: validated, defaults filled in. */
export interface ServiceDefinition {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly meta: Texts;
  readonly taggedAddresses: Readonly<Record<string, Address>>;
  readonly enableTagOverride: boolean;
  readonly weights: { readonly Passing: number; readonly Warning: number };
  /** Empty for an ordinary service. */
  readonly kind: string;
  readonly proxy: Readonly<Record<string, unknown>>;
  readonly connect: Readonly<Record<string, unknown>>;
  readonly socketPath: string;
  readonly locality: Readonly<Record<string, unknown>> | undefined;
}

export interface ServiceRecord {
  readonly node: string;
  readonly definition: ServiceDefinition;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** What is known of a check besides its status. */
export interface CheckFacts {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  /** `ttl`, `http`, `tcp`, …; empty for one that somebody else carries out. */
  readonly type: string;
  /** As Go writes durations, empty without. */
  readonly interval: string;
  readonly timeout: string;
  /** Empty for a check of the node. */
  readonly serviceId: string;
}

export interface CheckRecord {
  readonly node: string;
  readonly facts: CheckFacts;
  readonly status: Status;
  readonly output: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface NodeFacts {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly taggedAddresses: Texts;
  readonly meta: Texts;
}

export interface NodeRecord {
  readonly facts: NodeFacts;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

const STATUSES: readonly unknown[] = ['passing', 'warning', 'critical'];

export function isStatus(value: unknown): value is Status {
  return STATUSES.includes(value);
}

/** Names of services, tags and nodes are the same whatever their case. */
export function fold(name: string): string {
  return name.toLowerCase();
}
