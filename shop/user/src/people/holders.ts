import type { ServiceContext } from '@flotilla/service';
import { openClient } from '@flotilla/service';
import { createRemoteHolder, type DataHolder } from './data-holder.ts';

/** Order first: it knows the orders, by which shipping knows people. */
const ASKED_LATER = [
  'order',
  'payment',
  'shipping',
  'cart',
  'pricing',
  'recommendation',
  'notification',
  'legacy',
] as const;
const CALL_TIMEOUT_MS = 10_000;

/** Every other service that knows something of people. */
export function connectHolders(service: ServiceContext<unknown>): {
  readonly identity: DataHolder;
  readonly others: readonly DataHolder[];
} {
  const connect = (name: string) =>
    createRemoteHolder(
      name,
      openClient(service, name, { scope: 'people.write', timeoutMs: CALL_TIMEOUT_MS }),
      { byOrder: name === 'shipping' },
    );
  return { identity: connect('identity'), others: ASKED_LATER.map(connect) };
}
