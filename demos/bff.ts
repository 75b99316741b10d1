import { claim, defineDemo } from '@flotilla/cli';
import { insist, openShop } from './shop.ts';

type Home = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

export const bff = defineDemo({
  name: 'bff',
  chapter: '4.2',
  does: 'Compares the first page that a phone gets with the one that a browser gets.',
  look: ['GET /mobile/home and GET /web/home', 'docs/front-ends.md'],
  without: 'One API for all: phones download what they do not show, or the web lacks what it could.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    await shop.placeOrder();
    return { shop, token: await shop.token('alice') };
  },
  act: async (stage, { shop, token }) => {
    const whole = (path: string) =>
      insist(
        async () => (await shop.call('GET', path, { token })).body as unknown as Home,
        ({ degraded }) => degraded?.length === 0,
      );
    const mobile = await whole('/mobile/home');
    const web = await whole('/web/home');
    const bytes = (page: Home) => JSON.stringify(page).length;
    stage.say(`${bytes(mobile)} bytes for a phone, ${bytes(web)} for a browser`);
    return { mobile, web, mobileBytes: bytes(mobile), webBytes: bytes(web) };
  },
  check: ({ mobile, web, mobileBytes, webBytes }) => {
    const fields = Object.keys(mobile['featuredProducts']?.[0] ?? {}).sort();
    return [
      claim('a phone gets what it shows', fields.join() === 'id,imageUrl,name,price', fields.join(', ')),
      claim(
        'and less of it',
        (mobile['featuredProducts']?.length ?? 0) < (web['featuredProducts']?.length ?? 0),
        `${mobile['featuredProducts']?.length} products, not ${web['featuredProducts']?.length}`,
      ),
      claim('so its page is a small one', mobileBytes * 2 < webBytes, `${mobileBytes} of ${webBytes} bytes`),
      claim(
        'a browser gets more',
        'recommendations' in web && !('recommendations' in mobile),
        Object.keys(web).join(', '),
      ),
    ];
  },
});
