import { claim, defineDemo } from '@flotilla/cli';
import { needsFlow } from './flows.ts';
import { openShop } from './shop.ts';

interface Step extends Record<string, unknown> {
  readonly step: string;
  readonly kind: string;
  readonly status: string;
}

export const saga = defineDemo({
  name: 'saga',
  chapter: '6.1',
  does: 'Places an order and follows its orchestrator through the services, one step after the other.',
  look: ['flotilla saga list order', 'flotilla saga show order <id>', 'the console, Sagas', 'docs/data.md'],
  without:
    'Three databases and no transaction over them: a crash between two calls leaves money without goods.',
  needs: (stage) => needsFlow(stage, 'orchestration'),
  prepare: openShop,
  act: async (stage, shop) => {
    const order = await shop.placeOrder();
    const id = [String(order.body.id)];
    const steps = await shop.sql<Step>(
      'order',
      'SELECT step, kind, status FROM saga_step WHERE saga_id::text = $1 ORDER BY seq',
      id,
    );
    for (const { step, kind, status } of steps) stage.say(`${kind} ${step}: ${status}`);
    const [instance] = await shop.sql<{ status: string }>(
      'order',
      'SELECT status FROM saga_instance WHERE id::text = $1',
      id,
    );
    return { order, steps, status: instance?.status };
  },
  check: ({ order, steps, status }) => {
    const history = order.body.history?.map((entry) => entry.status).join(' → ') ?? '';
    const expected = 'Pending → InventoryReserved → PaymentProcessed → Confirmed';
    return [
      claim('the order went through its states', history === expected, history),
      claim('the saga is completed', status === 'completed', String(status)),
      claim(
        'each step was done, none undone',
        steps.length >= 3 && steps.every((one) => one.kind === 'do' && one.status === 'done'),
        `${steps.length} steps`,
      ),
    ];
  },
});
