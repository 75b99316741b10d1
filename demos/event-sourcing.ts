import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';

interface Recorded extends Record<string, unknown> {
  readonly version: number;
  readonly type: string;
  readonly reason: string | null;
}

/** The states that events lead to: what the order service shows must follow from them alone. */
const STATES: Readonly<Record<string, string>> = {
  'order-placed': 'Pending',
  'inventory-reserved': 'InventoryReserved',
  'payment-processed': 'PaymentProcessed',
  'order-confirmed': 'Confirmed',
  'order-cancelled': 'Cancelled',
};

export const eventSourcing = defineDemo({
  name: 'event-sourcing',
  chapter: '6 and 11',
  does: 'Reads the events of an order that was declined and replays them.',
  look: ['the table `event` at flotilla db uri order', 'docs/event-sourcing.md'],
  without: 'A row says that an order is cancelled. What happened before is gone.',
  prepare: openShop,
  act: async (stage, shop) => {
    const answer = await shop.placeOrder({ payment: 'tok_declined' });
    const id = String(answer.body.orderId);
    const events = await shop.sql<Recorded>(
      'order',
      "SELECT version, type, data->>'reason' AS reason FROM event WHERE stream_id LIKE '%' || $1 ORDER BY version",
      [id],
    );
    for (const { version, type, reason } of events)
      stage.say(`${version} ${type}${reason ? `: ${reason}` : ''}`);
    const shown = await shop.call('GET', `/orders/${id}`, { token: await shop.token('alice') });
    return { events, shown: shown.body };
  },
  check: ({ events, shown }) => {
    const replayed = events.map(({ type }) => STATES[type]);
    return [
      claim(
        'versions have no gap',
        events.length > 0 && events.every(({ version }, index) => version === index + 1),
        `${events.length} events`,
      ),
      claim(
        'replayed, they give what is shown',
        replayed.join() === shown.history?.map(({ status }) => status).join(),
        replayed.join(' → '),
      ),
      claim(
        'the last one says why',
        events.at(-1)?.reason === shown.cancellationReason,
        String(shown.cancellationReason),
      ),
    ];
  },
});
