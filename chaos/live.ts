import { checkInvariants, type Finding } from './invariants.ts';

const OTHERS = [
  'pricing',
  'cart',
  'notification',
  'identity',
  'user',
  'recommendation',
  'legacy',
  'bus',
] as const;

/** Checks a running system by the addresses of its databases, asked for by the names of its services. */
export async function checkLive(
  uriOf: (service: string) => Promise<string>,
  moment: 'always' | 'at-rest',
): Promise<readonly Finding[]> {
  const others = await Promise.all(OTHERS.map(async (name) => [name, await uriOf(name)] as const));
  return await checkInvariants({
    ...Object.fromEntries(others),
    order: await uriOf('order'),
    inventory: await uriOf('inventory'),
    payment: await uriOf('payment'),
    provider: await uriOf('payment-provider'),
    shipping: await uriOf('shipping'),
    inventoryDocuments: process.env['INVENTORY_MONGODB_URL'],
    moment,
  });
}
