import type { DeferredRows } from '@flotilla/postgres';

/** What relays listen to in the database of a service. */
export const OUTBOX_CHANNEL = 'flotilla_outbox';

/** There are messages to send, or some to be sent later. */
export type OutboxHint = 'messages' | 'delayed';

/** For a transaction of a process without a relay. Its commit tells each hint once. */
export const OUTBOX_HINTS: DeferredRows<OutboxHint> = {
  statementFor: (hints) => ({
    sql: 'SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint',
    values: [OUTBOX_CHANNEL, [...new Set(hints)]],
  }),
};
