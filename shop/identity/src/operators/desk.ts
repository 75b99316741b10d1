import {
  type ClientSecrets,
  createClientSecrets,
  createLogoutNotices,
  createSessions,
  LIFETIMES,
  type Sessions,
} from '@flotilla/auth/provider';
import type { Clock, NewId } from '@flotilla/kernel';
import { createOutbox, type Outbox } from '@flotilla/messaging';
import type { Database } from '@flotilla/postgres';
import { type AccountLinks, createAccountLinks } from '../account-links.ts';
import { type AccountStore, createAccountStore } from '../account-store.ts';
import type { Client } from '../oidc/clients.ts';
import { tellOfEnds } from '../session-ends.ts';

/** What operators work with: the database of the service, while it runs. What they change is told by its outbox. */
export interface Desk {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: NewId;
  readonly issuer: string;
  readonly outbox: Outbox;
  readonly accounts: AccountStore;
  readonly links: AccountLinks;
  readonly sessions: Sessions;
  readonly clients: readonly Client[];
  readonly secrets: ClientSecrets;
}

export interface DeskOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly issuer: string;
  readonly clients: readonly Client[];
}

export function openDesk({ db, clock, newId, issuer, clients }: DeskOptions): Desk {
  const outbox = createOutbox({ source: 'identity', clock, newId });
  const notices = createLogoutNotices({
    ...{ db, clock, newId },
    uriOf: (clientId) => clients.find(({ id }) => id === clientId)?.backchannelLogoutUri,
    // The service sends them; here they are only written down.
    sign: () => Promise.reject(new TypeError('an operator sends no notices')),
    onGivenUp: () => undefined,
  });
  return {
    ...{ db, clock, newId, issuer, outbox, clients },
    accounts: createAccountStore(db),
    links: createAccountLinks(db, clock),
    sessions: createSessions({ db, clock, lifetimes: LIFETIMES, onEnded: tellOfEnds({ outbox, notices }) }),
    secrets: createClientSecrets(() => db, clock),
  };
}
