import { claim, defineDemo } from '@flotilla/cli';
import { needsFlow } from './flows.ts';
import { openShop } from './shop.ts';

interface Process extends Record<string, unknown> {
  readonly stage: string;
  readonly reports: readonly string[];
}

export const choreography = defineDemo({
  name: 'choreography',
  chapter: '6.1',
  does: 'Places an order that runs by events alone and shows what its services reported.',
  look: ['flotilla queue list', 'flotilla logs order inventory payment', 'docs/choreography.md'],
  without: 'Every service that shall take part is a change of the orchestrator.',
  needs: (stage) => needsFlow(stage, 'choreography'),
  prepare: openShop,
  act: async (stage, shop) => {
    const order = await shop.placeOrder();
    const id = [String(order.body.id)];
    const sagas = await shop.sql('order', 'SELECT FROM saga_instance WHERE id::text = $1', id);
    const [process] = await shop.sql<Process>(
      'order',
      'SELECT stage, reports FROM order_process WHERE order_id::text = $1',
      id,
    );
    for (const report of process?.reports ?? []) stage.say(`heard: ${report}`);
    return { order, sagas, process };
  },
  check: ({ order, sagas, process }) => [
    claim('the order is confirmed', order.status === 201, `${order.status} ${order.body.status}`),
    claim('nobody led it', sagas.length === 0, `${sagas.length} sagas`),
    claim(
      'stock, payment and shipment were reported',
      ['reserved', 'paid', 'shipped'].every((report) => process?.reports.includes(report)),
      String(process?.reports),
    ),
  ],
});
