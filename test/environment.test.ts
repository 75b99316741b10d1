import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import system from '../flotilla.config.ts';
import { serviceEnvironment } from '../platform/cli/src/system/service-environment.ts';
import * as cart from '../shop/cart/src/config.ts';
import * as gateway from '../shop/gateway/src/config.ts';
import * as identity from '../shop/identity/src/config.ts';
import * as inventory from '../shop/inventory/src/config.ts';
import * as notification from '../shop/notification/src/config.ts';
import * as order from '../shop/order/src/config.ts';
import * as payment from '../shop/payment/src/config.ts';
import * as paymentProvider from '../shop/payment-provider/src/config.ts';
import * as shipping from '../shop/shipping/src/config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const READERS: Readonly<Record<string, (env: Environment) => unknown>> = {
  identity: identity.readConfig,
  inventory: inventory.readConfig,
  order: order.readConfig,
  'payment-provider': paymentProvider.readConfig,
  payment: payment.readConfig,
  shipping: shipping.readConfig,
  cart: cart.readConfig,
  notification: notification.readConfig,
  gateway: gateway.readConfig,
};

/** Everything that it looks for, none of which is there. */
function namesRead(read: (env: Environment) => unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const env: Environment = new Proxy({}, { get: (_, name) => void names.add(String(name)) });
  try {
    read(env);
  } catch {
    // Something was required.
  }
  return names;
}

describe('what a user sets reaches the service that reads it', () => {
  it('is known for every service', () => {
    assert.deepEqual(Object.keys(READERS).sort(), Object.keys(system.services).sort());
  });

  for (const [name, read] of Object.entries(READERS)) {
    it(name, () => {
      const env = serviceEnvironment(
        {
          system,
          secrets: { areNew: false, get: () => 'secret', save: async () => undefined },
          adminUri: 'postgres://postgres@127.0.0.1:5432/postgres',
          registryUrl: 'http://127.0.0.1:8500',
          ports: {},
          demo: false,
          logLevel: 'info',
          compileCache: '',
          inherited: { RABBITMQ_URL: 'amqp://127.0.0.1' },
        },
        name,
        `${name}-1`,
      );
      const told = [...Object.keys(env), ...(system.services[name]?.inherits ?? [])];
      const missing = [...namesRead(read)].filter((variable) => !told.includes(variable));
      assert.deepEqual(missing, [], 'to be named in `inherits` of flotilla.config.ts');
    });
  }
});
