import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callersOf, defineSystem, type ServiceConfig, type SystemConfig, selectServices } from './config.ts';

const entry = 'main.ts';
const database = { migrations: [] };
const define = (services: Record<string, ServiceConfig>, more: Partial<SystemConfig> = {}) =>
  defineSystem({ name: 'test', services, ...more });

describe('a system', () => {
  it('knows who may call whom, also of services that run elsewhere', () => {
    const services = {
      order: { entry, calls: { stock: {} } },
      cart: { entry, calls: { stock: {}, order: {} } },
      stock: { entry, calledBy: ['partner'] },
    };
    const system = define(services);
    assert.deepEqual(callersOf(system, 'stock'), ['order', 'cart', 'partner']);
    assert.deepEqual(callersOf(system, 'order'), ['cart']);
    assert.deepEqual(callersOf(system, 'cart'), []);
    assert.deepEqual(callersOf(selectServices(system, ['stock']), 'stock'), ['order', 'cart', 'partner']);
    assert.equal(callersOf(define({ order: { entry } }), 'order'), undefined, 'nobody has declared anything');
  });

  it('is refused with a reason when it cannot work', () => {
    const wrong: readonly (readonly [Record<string, ServiceConfig>, RegExp])[] = [
      [{ Order: { entry } }, /lower case/],
      [{ postgres: { entry } }, /taken by the platform/],
      [{ bus: { entry } }, /taken by the platform/],
      [{ order: { entry, needs: ['stock'] } }, /needs stock, which is not declared/],
      [{ order: { entry, replicas: 0 } }, /replicas must be 1 or more, got 0/],
      [{ order: { entry, port: 80, replicas: 2 } }, /fixed port runs once/],
      [{ order: { entry, silenceMs: 5 } }, /silenceMs must be 0 or from 1,000, got 5/],
      [{ order: { entry, calls: { nobody: {} } } }, /calls nobody, which is not declared/],
      [{ order: { entry, bus: true, database } }, /bus of the system to be declared/],
      [
        { a: { entry, needs: ['b'] }, b: { entry, needs: ['c'] }, c: { entry, needs: ['a'] } },
        /need each other: a → b → c → a/,
      ],
    ];
    for (const [services, reason] of wrong) {
      assert.throws(
        () => define(services),
        (error) => error instanceof TypeError && reason.test(error.message),
      );
    }
    const page = { build: 'build.ts', output: 'dist' };
    const wrongPages: readonly (readonly [NonNullable<SystemConfig['frontends']>, RegExp])[] = [
      [{ Pages: page }, /like that of a service, got Pages/],
      [{ pages: { ...page, servedBy: 'nobody' } }, /servedBy nobody, which is not declared/],
      [{ a: { ...page, servedBy: 'order' }, b: { ...page, servedBy: 'order' } }, /order serves another one/],
    ];
    for (const [frontends, reason] of wrongPages)
      assert.throws(() => define({ order: { entry } }, { frontends }), reason);
    assert.throws(
      () => define({ order: { entry } }, { issuer: { service: 'order', path: '/' } }),
      /with a port/,
    );
  });

  it('may be run in part', () => {
    const system = define({ stock: { entry }, order: { entry }, edge: { entry, needs: ['stock', 'order'] } });
    const part = selectServices(system, ['order', 'edge']);
    assert.deepEqual(part.services, { order: { entry, needs: [] }, edge: { entry, needs: ['order'] } });
  });

  it('keeps the pages of the services that run, and those that are of none', () => {
    const page = { build: 'build.ts', output: 'dist' };
    const frontends = { shop: { ...page, servedBy: 'edge' }, manual: page };
    const system = define({ stock: { entry }, edge: { entry } }, { frontends });
    assert.deepEqual(selectServices(system, ['edge']).frontends, frontends);
    assert.deepEqual(selectServices(system, ['stock']).frontends, { manual: page });
  });

  it('keeps its issuer without the service that users reach, and its welcome only with all of those', () => {
    const welcome = () => ({ links: {} });
    const system = define(
      { stock: { entry }, edge: { entry, port: 8080 } },
      { issuer: { service: 'edge', path: '/identity' }, welcome },
    );
    const without = selectServices(system, ['stock']);
    assert.deepEqual(without.issuer, { service: 'edge', path: '/identity', port: 8080 });
    assert.equal(without.welcome, undefined);
    assert.equal(selectServices(system, ['edge']).welcome, welcome);
  });
});
