import type { Seal } from '@flotilla/auth';
import type { Clock } from '@flotilla/kernel';

/** What a page hands on to the next in a hidden field: that a password was right. Nobody can read or make one. */
export interface Ticket {
  readonly accountId: string;
  /** Of the account, when its password was checked. */
  readonly version: number;
}

export interface Tickets {
  /** `context`: where it holds, elsewhere it is nothing. */
  make(ticket: Ticket, context: string): string;
  /** Undefined: it is not one, is for something else, or is too old. */
  read(text: string, context: string): Ticket | undefined;
}

const LIFE_MS = 5 * 60_000;

export function createTickets(seal: Seal, clock: Pick<Clock, 'now'>): Tickets {
  return {
    make: ({ accountId, version }, context) => {
      const until = clock.now().getTime() + LIFE_MS;
      const text = JSON.stringify([accountId, version, until]);
      return seal.seal(Buffer.from(text), `ticket for ${context}`).toString('base64url');
    },
    read: (text, context) => {
      try {
        const opened = seal.open(Buffer.from(text, 'base64url'), `ticket for ${context}`);
        const [accountId, version, until] = JSON.parse(opened.toString()) as [string, number, number];
        return clock.now().getTime() < until ? { accountId, version } : undefined;
      } catch {
        return undefined; // somebody made it up
      }
    },
  };
}
