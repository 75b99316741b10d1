import { claim, defineDemo } from '@flotilla/cli';
import { openShop, until } from './shop.ts';

type Claims = Readonly<Record<string, unknown>>;

const readToken = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;

/** Says that its bearer is an administrator, with the signature of the token that did not. */
function promoted(token: string): string {
  const [head = '', body = '', signature = ''] = token.split('.');
  const claims = { ...(JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims), role: 'Admin' };
  return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

export const jwt = defineDemo({
  name: 'jwt',
  chapter: '7.1',
  does: 'Uses a token where it is good, changes a claim in it, and tries what its role does not allow.',
  look: ['POST /auth/login', 'docs/auth.md', 'test/access/matrix.ts: every route and who may use it'],
  without: 'Each service asks the identity service about each request, or believes whatever a header says.',
  prepare: async (stage) => {
    const shop = await openShop(stage);
    return { shop, token: await shop.token('alice') };
  },
  act: async (stage, { shop, token }) => {
    const stock = { body: { onHand: 1 } };
    const own = await shop.call('GET', '/me', { token });
    const forged = await shop.call('GET', '/me', { token: promoted(token) });
    const notAdmin = await shop.call('PUT', '/products/sku-0001/stock', { token, ...stock });
    const behind = await fetch(`${await shop.address('order')}/orders`);
    const session = await shop.call('POST', '/auth/login', {
      body: { email: 'carol@example.com', password: 'carol-password' },
    });
    const carol = String(session.body.accessToken);
    const { status: signedIn } = await shop.call('GET', '/cart', { token: carol });
    await shop.call('POST', '/auth/logout', { body: { refreshToken: session.body.refreshToken } });
    stage.say('carol has signed out; her token has minutes to live');
    const ended = await until('it is refused', async () => {
      const { status } = await shop.call('GET', '/cart', { token: carol });
      return status !== 200 && status;
    });
    return { own, forged, notAdmin, behind: behind.status, signedIn, ended, claims: readToken(token) };
  },
  check: ({ own, forged, notAdmin, behind, signedIn, ended, claims }) => [
    claim(
      'the token says who and for how long',
      claims['role'] === 'Customer' && Number(claims['exp']) - Number(claims['iat']) <= 300,
      `${claims['email']}, ${Number(claims['exp']) - Number(claims['iat'])} s`,
    ),
    claim('it is good where it is meant', own.status === 200, String(own.status)),
    claim('a changed claim breaks its signature', forged.status === 401, String(forged.status)),
    claim('a customer changes no stock', notAdmin.status === 403, String(notAdmin.status)),
    claim('services verify it, too: the gateway is no wall', behind === 401, String(behind)),
    claim(
      'a session that has ended ends its tokens',
      signedIn === 200 && ended === 401,
      `${signedIn}, then ${ended}`,
    ),
  ],
});
