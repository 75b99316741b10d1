import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createTestIssuer } from '@flotilla/auth/testing';
import { createGrpcClient, createGrpcServer, type GrpcClient } from '@flotilla/grpc';
import type { PlatformError } from '@flotilla/kernel';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { InventoryService } from '@shop/contracts/gen/inventory';
import { createTestInventory } from '../test/inventories.ts';
import { createInventoryService } from './grpc.ts';

const issuer = createTestIssuer();
const metrics = createMetrics();

let inventory: Awaited<ReturnType<typeof createTestInventory>>;
let client: GrpcClient<typeof InventoryService>;
let stop: () => Promise<void>;
let clientWith: (scope: string | undefined) => GrpcClient<typeof InventoryService>;

before(async () => {
  inventory = await createTestInventory();
  const operations = metrics.counter('operations_total', 'For the test.', ['operation', 'outcome']);
  const server = createGrpcServer({
    services: [createInventoryService({ ...inventory.deps, operations })],
    verifyToken: issuer.verify,
    logger: silentLogger,
    metrics,
  });
  const grpcPort = await server.listen('127.0.0.1', 0);
  const endpoint = { id: 'inventory-1', service: 'inventory', host: '127.0.0.1', port: 1, grpcPort };
  const clients: GrpcClient<typeof InventoryService>[] = [];
  clientWith = (scope) => {
    const made = createGrpcClient(InventoryService, {
      service: 'inventory',
      pick: async () => endpoint,
      ...(scope !== undefined && { token: () => issuer.sign({ scope }) }),
      metrics,
    });
    clients.push(made);
    return made;
  };
  client = clientWith('inventory.read inventory.write');
  stop = async () => {
    for (const made of clients) made.close();
    await server.close();
    await inventory.close();
  };
});
after(() => stop());

const withStatus = (status: string) => (error: PlatformError) => error.details['status'] === status;

describe('the guide’s client', () => {
  test('checks and reserves one product as the guide does', async () => {
    const productId = await inventory.addProduct(5);
    const before = await client.checkAvailability({ productId, quantity: 5 });
    assert.deepEqual([before.available, before.currentStock], [true, 5]);
    const reserved = await client.reserveStock({ productId, quantity: 3, orderId: 'guide-1' });
    assert.deepEqual(
      [reserved.success, reserved.message, reserved.reason],
      [true, 'Stock reserved successfully', ''],
    );
    const after = await client.checkAvailability({ productId, quantity: 3 });
    assert.deepEqual([after.available, after.currentStock], [false, 2]);
  });

  test('may name one product and further lines: together they are the order', async () => {
    const [a, b] = [await inventory.addProduct(5), await inventory.addProduct(5)];
    const lines = [
      { productId: a, quantity: 1 },
      { productId: b, quantity: 2 },
    ];
    await client.reserveStock({ productId: a, quantity: 1, orderId: 'guide-2', lines });
    assert.deepEqual(await inventory.stock.find(a), { onHand: 5, reserved: 2 });
    assert.deepEqual(await inventory.stock.find(b), { onHand: 5, reserved: 2 });
  });
});

describe('an order', () => {
  test('reserves, commits and takes back, each answer saying what happened', async () => {
    const productId = await inventory.addProduct(5);
    const lines = [{ productId, quantity: 2 }];
    assert.equal((await client.reserveStock({ orderId: 'o1', lines })).success, true);
    assert.equal((await client.commitStock({ orderId: 'o1' })).success, true);
    assert.equal((await client.releaseStock({ orderId: 'o1' })).released, true);
    assert.equal((await client.releaseStock({ orderId: 'o1' })).released, false);
    const late = await client.reserveStock({ orderId: 'o1', lines });
    assert.deepEqual([late.success, late.reason], [false, 'order-closed']);
    const committed = await client.commitStock({ orderId: 'o1' });
    assert.deepEqual([committed.success, committed.reason], [false, 'order-closed']);
    assert.match(metrics.render(), /operations_total\{operation="commit",outcome="order-closed"\} 1/);
  });

  test('that cannot be served is told why, as an answer and not as an error', async () => {
    const productId = await inventory.addProduct(1);
    const tooMany = await client.reserveStock({ orderId: 'o2', lines: [{ productId, quantity: 2 }] });
    assert.deepEqual([tooMany.success, tooMany.reason], [false, 'out-of-stock']);
    const unknown = await client.reserveStock({ orderId: 'o2', lines: [{ productId: 'nope', quantity: 1 }] });
    assert.deepEqual([unknown.success, unknown.reason], [false, 'unknown-product']);
  });

  test('with other lines than before is an error of the caller', async () => {
    const productId = await inventory.addProduct(5);
    await client.reserveStock({ orderId: 'o3', lines: [{ productId, quantity: 1 }] });
    await assert.rejects(
      client.reserveStock({ orderId: 'o3', lines: [{ productId, quantity: 2 }] }),
      withStatus('ALREADY_EXISTS'),
    );
  });

  test('among fifty for the last ten pieces gets a clear answer: ten yes, forty out-of-stock', async () => {
    const productId = await inventory.addProduct(10);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, buyer) =>
        client.reserveStock({ orderId: `race-${buyer}`, lines: [{ productId, quantity: 1 }] }),
      ),
    );
    assert.equal(answers.filter((answer) => answer.success).length, 10);
    assert.equal(answers.filter((answer) => answer.reason === 'out-of-stock').length, 40);
  });
});

describe('bad input', () => {
  const line = { productId: 'product-001', quantity: 1 };
  const cases: readonly (readonly [
    what: string,
    request: Parameters<typeof client.reserveStock>[0],
    message: string,
  ])[] = [
    ['no order', { lines: [line] }, '/orderId must NOT have fewer than 1 characters'],
    ['no lines', { orderId: 'b' }, '/lines must NOT have fewer than 1 items'],
    [
      'a quantity of zero',
      { orderId: 'b', lines: [{ ...line, quantity: 0 }] },
      '/lines/0/quantity must be >= 1',
    ],
    ['a negative quantity', { orderId: 'b', productId: 'a', quantity: -1 }, '/lines/0/quantity must be >= 1'],
    [
      'a huge quantity',
      { orderId: 'b', lines: [{ ...line, quantity: 1_001 }] },
      '/lines/0/quantity must be <= 1000',
    ],
    [
      'a product without name',
      { orderId: 'b', quantity: 1 },
      '/lines/0/productId must NOT have fewer than 1',
    ],
    ['an id with blanks', { orderId: 'a b', lines: [line] }, '/orderId must match pattern'],
    [
      'more than fifty lines',
      { orderId: 'b', lines: Array.from({ length: 51 }, () => line) },
      '/lines must NOT have more than 50 items',
    ],
  ];
  for (const [what, request, message] of cases) {
    test(`${what} is INVALID_ARGUMENT and says so`, async () => {
      await assert.rejects(
        client.reserveStock(request),
        (error: PlatformError) => withStatus('INVALID_ARGUMENT')(error) && error.message.includes(message),
      );
    });
  }

  test('is refused by every method', async () => {
    await assert.rejects(client.commitStock({}), withStatus('INVALID_ARGUMENT'));
    await assert.rejects(client.releaseStock({}), withStatus('INVALID_ARGUMENT'));
    await assert.rejects(
      client.checkAvailability({ productId: '', quantity: 1 }),
      withStatus('INVALID_ARGUMENT'),
    );
    await assert.rejects(
      client.checkAvailability({ productId: 'nope', quantity: 1 }),
      withStatus('NOT_FOUND'),
    );
  });
});

test('only services with the scope may read, and only those with the other one may write', async () => {
  const productId = await inventory.addProduct(5);
  const [nobody, reader, writer] = [
    clientWith(undefined),
    clientWith('inventory.read'),
    clientWith('inventory.write'),
  ];
  const write = { orderId: 'roles', lines: [{ productId, quantity: 1 }] };
  await assert.rejects(nobody.checkAvailability({ productId, quantity: 1 }), withStatus('UNAUTHENTICATED'));
  await assert.rejects(writer.checkAvailability({ productId, quantity: 1 }), withStatus('PERMISSION_DENIED'));
  assert.equal((await reader.checkAvailability({ productId, quantity: 1 })).available, true);
  await assert.rejects(reader.reserveStock(write), withStatus('PERMISSION_DENIED'));
  await assert.rejects(reader.commitStock({ orderId: 'roles' }), withStatus('PERMISSION_DENIED'));
  await assert.rejects(reader.releaseStock({ orderId: 'roles' }), withStatus('PERMISSION_DENIED'));
  assert.equal((await writer.reserveStock(write)).success, true);
});
