import { claim, defineDemo } from '@flotilla/cli';
import { openShop } from './shop.ts';
import { callShop } from './shop-client.ts';

const PATH = '/products/sku-0001/availability?quantity=2';

export const rest = defineDemo({
  name: 'rest',
  chapter: '3.1',
  does: 'Asks the inventory over HTTP whether something is in stock, and gets the answer at once.',
  look: [`curl <gateway>${PATH}`, 'GET /docs', 'docs/communication.md'],
  without: 'Who needs an answer to go on would have to wait for a message and keep the question.',
  prepare: openShop,
  act: async (stage, shop) => {
    stage.say(`GET ${PATH}`);
    const answer = await shop.call('GET', PATH);
    const own = await callShop(await shop.address('inventory'), 'GET', PATH);
    return { answer, own, unknown: await shop.call('GET', '/products/never-there/availability?quantity=1') };
  },
  check: ({ answer, own, unknown }) => [
    claim(
      'the answer says what is there',
      answer.status === 200 && Number(answer.body.currentStock) >= 0,
      JSON.stringify(answer.body),
    ),
    claim(
      'the service itself says the same',
      own.status === 200 && 'available' in own.body,
      String(own.status),
    ),
    claim(
      'a refusal has a stable code',
      unknown.status === 404 && typeof unknown.body.code === 'string',
      `${unknown.status} ${unknown.body.code}`,
    ),
  ],
});
