import { type Group, joinGroup, ROUTE_KEYS } from '../../grammar/group.ts';
import { definePolicy } from '../../grammar/policy.ts';
import type { SectionShape } from '../../grammar/shape.ts';

export interface RetryConfig {
  /** Tries after the first one. */
  readonly retries: number;
  /** Share of a route's requests that may be retries, 0 … 100. */
  readonly budgetPercent: number;
  /** Statuses that are tried again elsewhere, idempotent methods only. */
  readonly statuses: readonly number[];
}

const RETRY = {
  Retries: { type: 'integer', minimum: 0, maximum: 10, default: 1, own: true, doc: 'Tries after the first.' },
  BudgetPercent: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    default: 20,
    own: true,
    doc: "Share of the route's requests that may be retries.",
  },
  Statuses: {
    type: 'integers',
    own: true,
    doc: 'Statuses that are tried again on another instance, idempotent methods only.',
  },
  ...ROUTE_KEYS,
} as const satisfies SectionShape;

export const retry = definePolicy({
  keys: {
    RetryOptions: { type: 'object', shape: RETRY, own: true, doc: 'Tries on other instances.' },
  },
  read: ({ own, global, owner }) => ({
    retry: readRetry(joinGroup(own?.values.RetryOptions, global?.values.RetryOptions, owner.key)),
  }),
});

const DEFAULT_RETRY: RetryConfig = { retries: 1, budgetPercent: 20, statuses: [] };

function readRetry(group: Group<typeof RETRY> | undefined): RetryConfig {
  if (group === undefined) return DEFAULT_RETRY;
  const statuses = group.values.Statuses ?? DEFAULT_RETRY.statuses;
  for (const status of statuses)
    if (status < 400 || status > 599) group.error('Statuses', `${status} is not between 400 and 599`);
  return {
    retries: group.values.Retries ?? DEFAULT_RETRY.retries,
    budgetPercent: group.values.BudgetPercent ?? DEFAULT_RETRY.budgetPercent,
    statuses,
  };
}
