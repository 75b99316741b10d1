import type { TestIssuer } from '@flotilla/auth/testing';
import type { SystemConfig } from '@flotilla/cli';

/** What a caller sends of itself. */
export interface Credentials {
  readonly token?: string;
  readonly onBehalfOf?: string;
}

const SHOPPER = { client_id: 'web-app', scope: 'orders.read orders.write', permissions: ['orders.write'] };

/** The callers of the matrix, with tokens as identity gives them: services with the scopes of the topology. */
export async function createCallers(
  issuer: TestIssuer,
  { services }: SystemConfig,
): Promise<Readonly<Record<string, Credentials>>> {
  const customer = await issuer.sign({ ...SHOPPER, sub: 'alice', role: 'Customer', tenant_id: 'acme' });
  const admin = await issuer.sign({ ...SHOPPER, sub: 'admin', role: 'Admin' });
  const service = async (name: string) => {
    const scope = services[name]?.clientScopes?.join(' ') ?? '';
    return { token: await issuer.sign({ sub: name, client_id: name, scope }) };
  };
  return {
    anonymous: {},
    customer: { token: customer },
    admin: { token: admin },
    order: await service('order'),
    cart: await service('cart'),
    'other service': await service('shipping'),
    'cart for customer': { ...(await service('cart')), onBehalfOf: customer },
    'order for customer': { ...(await service('order')), onBehalfOf: customer },
    // Every scope there is, and no edge.
    "stranger's client": {
      token: await issuer.sign({
        sub: 'stranger',
        client_id: 'stranger',
        scope: Object.values(services)
          .flatMap(({ clientScopes = [] }) => clientScopes)
          .join(' '),
        permissions: ['orders.write'],
        role: 'Admin',
      }),
    },
  };
}
