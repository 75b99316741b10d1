import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineSystem, selectServices } from '../config.ts';
import { sha256Hex } from '../data-dir/secrets.ts';
import { externalRegistry } from './preflight.ts';
import {
  provisionPlan,
  registryTokens,
  type SystemFacts,
  serviceEnvironment,
} from './service-environment.ts';

const entry = 'main.ts';
const database = { migrations: [] };
const system = defineSystem({
  name: 'shop',
  services: {
    accounts: { entry, database, issuesTokens: true, secrets: ['KEY'] },
    stock: {
      entry,
      database,
      bus: true,
      clientScopes: ['stock.write'],
      calls: { billing: {} },
      env: { SPEED: 'high' },
      inherits: ['SPEED', 'SMTP_URL'],
    },
    billing: { entry, database, secrets: ['SHARED'] },
    provider: { entry, secrets: ['SHARED'] },
    edge: { entry, port: 8080 },
  },
  bus: database,
  frontends: { pages: { build: 'pages/build.ts', output: 'pages/dist', servedBy: 'edge' } },
  issuer: { service: 'edge', path: '/identity' },
});

const facts: SystemFacts = {
  system,
  root: '/checkout',
  secrets: { areNew: false, get: (name) => `secret of ${name}`, save: async () => undefined },
  adminUri: 'postgres://postgres:admin-password@127.0.0.1:5432/postgres',
  registryUrl: 'http://127.0.0.1:8500',
  ports: { edge: 9090 },
  demo: true,
  logLevel: 'info',
  compileCache: '/data/compile-cache',
  inherited: { PATH: '/bin', SMTP_URL: 'smtp://mail', DATABASE_URL: 'postgres://admin', BUS_URL: 'x' },
};

describe('the environment of a service', () => {
  it('says who it is, where to listen and where others are', () => {
    const env = serviceEnvironment(facts, 'edge', 'edge-1');
    assert.equal(env['SERVICE_NAME'], 'edge');
    assert.equal(env['INSTANCE_ID'], 'edge-1');
    assert.equal(env['HOST'], '127.0.0.1');
    assert.equal(env['PORT'], '9090');
    assert.equal(env['REGISTRY_URL'], 'http://127.0.0.1:8500');
    assert.equal(env['ISSUER'], 'http://127.0.0.1:9090/identity');
    assert.equal(env['AUDIENCE'], 'shop');
    assert.equal(env['FLOTILLA_DEMO'], '1');
    assert.equal(serviceEnvironment(facts, 'stock', 'stock-1')['PORT'], '0');
    assert.equal(env['FRONTEND_DIR'], '/checkout/pages/dist');
    assert.equal(serviceEnvironment(facts, 'stock', 'stock-1')['FRONTEND_DIR'], undefined);
  });

  it('finds the registry that the user has, with the user’s token', () => {
    const elsewhere = (token: string) => {
      const external = { url: 'http://consul:8500', token };
      return serviceEnvironment(
        { ...facts, registryUrl: external.url, externalRegistry: external },
        'edge',
        'e',
      );
    };
    assert.equal(elsewhere('hunter2')['REGISTRY_URL'], 'http://consul:8500');
    assert.equal(elsewhere('hunter2')['CONSUL_HTTP_TOKEN'], 'hunter2');
    assert.equal('CONSUL_HTTP_TOKEN' in elsewhere(''), false);
    assert.equal(externalRegistry({ CONSUL_HTTP_TOKEN: 'x' }), undefined);
    const env = { CONSUL_HTTP_ADDR: 'consul:8501', CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_TOKEN: 'x' };
    assert.deepEqual(externalRegistry(env), { url: 'https://consul:8501', token: 'x' });
    assert.throws(() => externalRegistry({ CONSUL_HTTP_ADDR: 'unix:///x' }), { code: 'CLI_USAGE' });
  });

  it('keeps its young objects in little memory, unless the user says otherwise', () => {
    const optionsOf = (inherited: SystemFacts['inherited']) =>
      serviceEnvironment({ ...facts, inherited }, 'edge', 'edge-1')['NODE_OPTIONS'];
    assert.equal(optionsOf({}), '--max-semi-space-size=4');
    assert.equal(
      optionsOf({ NODE_OPTIONS: '--max-semi-space-size=16 --enable-source-maps' }),
      '--max-semi-space-size=4 --max-semi-space-size=16 --enable-source-maps',
    );
  });

  it('reaches its own database and the bus in its own role, and no other', () => {
    const env = serviceEnvironment(facts, 'stock', 'stock-1');
    const password = encodeURIComponent('secret of database stock');
    assert.equal(env['DATABASE_URL'], `postgres://stock:${password}@127.0.0.1:5432/stock`);
    assert.equal(env['BUS_URL'], `postgres://stock:${password}@127.0.0.1:5432/bus`);
    assert.equal(serviceEnvironment(facts, 'billing', 'billing-1')['BUS_URL'], undefined);
    assert.equal(serviceEnvironment(facts, 'edge', 'edge-1')['DATABASE_URL'], undefined);
  });

  it('reaches RabbitMQ when the user says where it is and it uses the bus, and only then', () => {
    const inherited = { RABBITMQ_URL: 'amqp://guest:guest@127.0.0.1' };
    const onRabbitmq = { ...facts, inherited };
    assert.equal(serviceEnvironment(onRabbitmq, 'stock', 's')['RABBITMQ_URL'], inherited.RABBITMQ_URL);
    assert.equal('RABBITMQ_URL' in serviceEnvironment(onRabbitmq, 'billing', 'b'), false);
    assert.equal('RABBITMQ_URL' in serviceEnvironment(onRabbitmq, 'edge', 'e'), false);
    assert.equal('RABBITMQ_URL' in serviceEnvironment(facts, 'stock', 's'), false);
  });

  it('hears, on the bus, when a queue is worth a warning', () => {
    const limits = { QUEUE_WARN_MESSAGES: '10', QUEUE_WARN_SECONDS: '60' };
    const limited = { ...facts, inherited: limits };
    const { QUEUE_WARN_MESSAGES, QUEUE_WARN_SECONDS } = serviceEnvironment(limited, 'stock', 's');
    assert.deepEqual({ QUEUE_WARN_MESSAGES, QUEUE_WARN_SECONDS }, limits);
    assert.equal('QUEUE_WARN_SECONDS' in serviceEnvironment(limited, 'billing', 'b'), false);
  });

  it('never holds what is the administrator’s or another service’s', () => {
    for (const name of Object.keys(system.services)) {
      const text = JSON.stringify(serviceEnvironment(facts, name, `${name}-1`));
      assert.doesNotMatch(text, /admin/);
      for (const other of Object.keys(system.services).filter((one) => one !== name)) {
        assert.equal(
          text.includes(`secret of client ${other}`),
          false,
          `${name} holds the secret of ${other}`,
        );
        assert.equal(text.includes(encodeURIComponent(`secret of database ${other}`)), false);
      }
    }
  });

  it('holds nothing of the user’s that it does not need', () => {
    const inherited = {
      PATH: '/bin',
      HOME: '/home/olga',
      SMTP_URL: 'smtp://mail',
      AWS_SECRET_ACCESS_KEY: 'hunter2',
      GITHUB_TOKEN: 'hunter2',
      CONSUL_HTTP_TOKEN: 'hunter2',
      RABBITMQ_URL: 'amqp://user:hunter2@127.0.0.1',
      NODE_AUTH_TOKEN: 'hunter2',
      FLOTILLA_GATEWAY_TOKEN: 'hunter2',
    };
    for (const [name, allowed] of [
      ['edge', ['PATH', 'HOME']],
      ['accounts', ['PATH', 'HOME']],
      ['stock', ['PATH', 'HOME', 'SMTP_URL', 'RABBITMQ_URL']],
    ] as const) {
      const told = serviceEnvironment({ ...facts, inherited: {} }, name, name);
      const env = serviceEnvironment({ ...facts, inherited }, name, name);
      assert.deepEqual(
        Object.keys(env)
          .filter((key) => !(key in told))
          .sort(),
        [...allowed].sort(),
        name,
      );
      assert.equal(env['CONSUL_HTTP_TOKEN'], `secret of registry ${name}`);
    }
  });

  it('names an issuer also when the service that users reach does not run', () => {
    const some = { ...facts, system: selectServices(system, ['stock']), ports: {} };
    assert.equal(serviceEnvironment(some, 'stock', 'stock-1')['ISSUER'], 'http://127.0.0.1:8080/identity');
  });

  it('passes on what the configuration names, and what it sets itself wins', () => {
    const env = serviceEnvironment(
      { ...facts, inherited: { SMTP_URL: 'smtp://mail', SPEED: 'low' } },
      'stock',
      'stock-1',
    );
    assert.equal(env['SMTP_URL'], 'smtp://mail');
    assert.equal(env['SPEED'], 'high');
  });

  it('shares a secret among the services that name it', () => {
    const [billing, provider] = ['billing', 'provider'].map(
      (name) => serviceEnvironment(facts, name, name)['SHARED'],
    );
    assert.equal(billing, 'secret of SHARED');
    assert.equal(provider, billing);
  });

  it('tells the issuer of tokens the hashes, scopes and edges of the clients', () => {
    const clients = JSON.parse(serviceEnvironment(facts, 'accounts', 'accounts-1')['SERVICE_CLIENTS'] ?? '');
    assert.deepEqual(clients, {
      stock: {
        secretSha256: sha256Hex('secret of client stock'),
        scopes: ['stock.write'],
        calls: ['billing'],
      },
    });
    assert.equal(serviceEnvironment(facts, 'stock', 'stock-1')['SERVICE_SECRET'], 'secret of client stock');
    assert.equal(serviceEnvironment(facts, 'billing', 'billing-1')['SERVICE_SECRET'], undefined);
  });
});

it('a system has a database and a role for each service that wants one, and a bus for some', () => {
  const plan = provisionPlan(system, facts.secrets);
  assert.deepEqual(
    plan.roles.map((role) => role.name),
    ['accounts', 'stock', 'billing', 'bus-reader'],
  );
  assert.deepEqual(
    plan.databases.map(({ name, roles, readers = [] }) => [name, roles, readers]),
    [
      ['accounts', ['accounts'], []],
      ['stock', ['stock'], []],
      ['billing', ['billing'], []],
      ['bus', ['stock'], ['bus-reader']],
    ],
  );
});

it('each service may write its own name in the registry, and the operator all', () => {
  const { operator, all } = registryTokens(system, facts.secrets);
  assert.equal(operator, 'secret of registry');
  assert.deepEqual(
    all.map(({ secret, writes }) => [secret, writes]),
    [
      ['secret of registry', 'all'],
      ...Object.keys(system.services).map((name) => [`secret of registry ${name}`, [name]]),
    ],
  );
});
