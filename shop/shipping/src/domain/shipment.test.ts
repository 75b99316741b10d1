import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decideShipment, isSameRequest, type ShipmentRequest } from './shipment.ts';

const request: ShipmentRequest = {
  orderId: 'o1',
  address: { name: 'Alice', line1: 'Hafenstr. 1', city: 'Hamburg', postalCode: '20457', country: 'DE' },
  items: [
    { productId: 'a', quantity: 1 },
    { productId: 'b', quantity: 2 },
  ],
};

it('ships anywhere the carrier goes', () => {
  assert.equal(decideShipment(request).ok, true);
});

it('refuses where it does not', () => {
  const nowhere = { ...request, address: { ...request.address, country: 'XX' } };
  assert.deepEqual(decideShipment(nowhere), { ok: false, rejection: 'shipping-unavailable' });
});

it('knows the same request again, whatever the order of lines and keys', () => {
  const { country, ...rest } = request.address;
  assert.ok(
    isSameRequest(request, { ...request, address: { country, ...rest }, items: request.items.toReversed() }),
  );
});

it('tells another address and other items apart', () => {
  assert.equal(
    isSameRequest(request, { ...request, address: { ...request.address, city: 'Bremen' } }),
    false,
  );
  assert.equal(isSameRequest(request, { ...request, items: [{ productId: 'a', quantity: 1 }] }), false);
});
