import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { RequestError, request } from '../api/request.ts';
import type { CartLine } from '../api/types.ts';
import { tellOtherTabs } from '../session/other-tabs.ts';
import { useUser } from '../session/use-user.ts';
import { changesOfMerge, withQuantity } from './guest-cart.ts';
import { guestLines, keepGuestLines } from './guest-storage.ts';
import { CART_KEY, readCart } from './use-cart.ts';

/**
 * What was put into the cart before the login is put into the account's, line by line, one tab at a time. What the server cannot take
 * at the moment stays with the browser for the next time: `isLeft`.
 */
export function useTakeOver(): { readonly isLeft: boolean } {
  const client = useQueryClient();
  const { user } = useUser();
  const [isLeft, setLeft] = useState(false);
  const userId = user?.id;

  useEffect(() => {
    if (userId === undefined || guestLines().length === 0) return;
    const takeOver = async () => {
      const { items } = await readCart(client);
      for (const { productId, quantity } of changesOfMerge(guestLines(), items)) {
        await put({ productId, quantity });
        keepGuestLines(withQuantity(guestLines(), productId, 0));
      }
      keepGuestLines([]);
      tellOtherTabs('cart');
    };
    navigator.locks
      .request('fl-take-over', takeOver)
      .then(() => setLeft(false))
      .catch(() => setLeft(true))
      .finally(() => client.invalidateQueries({ queryKey: CART_KEY }))
      .catch(() => undefined); // the cart shows its own failure
  }, [userId, client]);

  return { isLeft };
}

/** A product that is sold no more, or a full cart, is no reason to try for ever. */
async function put({ productId, quantity }: CartLine): Promise<void> {
  try {
    await request(`/cart/items/${encodeURIComponent(productId)}`, { method: 'PUT', body: { quantity } });
  } catch (error) {
    if (!(error instanceof RequestError && error.status === 422)) throw error;
  }
}
