import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { request } from '../api/request.ts';
import type { Cart, CartLine } from '../api/types.ts';
import { tellOtherTabs } from '../session/other-tabs.ts';
import { useUser } from '../session/use-user.ts';
import { withQuantity } from './guest-cart.ts';
import { guestLines, keepGuestLines, useGuestLines } from './guest-storage.ts';

export const CART_KEY = ['cart'] as const;

export interface CartState {
  /** `undefined` while they are on their way, or when they cannot be read: then there is `error`. */
  readonly lines: readonly CartLine[] | undefined;
  readonly error: Error | null;
  readonly retry: () => void;
}

/** A guest's cart is in the browser, that of a user on the server. */
export function useCart(): CartState {
  const { user, isUnknown, error, retry: askAgain } = useUser();
  const guest = useGuestLines();
  const ofUser = useQuery({
    queryKey: CART_KEY,
    queryFn: ({ signal }) => request<Cart>('/cart', { signal }),
    enabled: !!user,
    staleTime: 5_000,
  });
  const retry = () => void ofUser.refetch();
  if (isUnknown || user === undefined)
    return guest.length > 0
      ? { lines: guest, error: null, retry }
      : { lines: undefined, error, retry: askAgain };
  if (user === null) return { lines: guest, error: null, retry };
  return { lines: ofUser.data?.items, error: ofUser.data ? null : ofUser.error, retry };
}

export interface LineChange {
  readonly productId: string;
  readonly quantity: number;
}

/**
 * Changes a line at once on the page, then where it is kept. Changes leave one after another; one that fails takes the page
 * back to what the server says, and `error` holds why.
 */
export function useChangeLine() {
  const client = useQueryClient();
  const { user } = useUser();
  return useMutation({
    scope: { id: 'cart' },
    mutationFn: async ({ productId, quantity }: LineChange) => {
      if (!user) return keepGuestLines(withQuantity(guestLines(), productId, quantity));
      const path = `/cart/items/${encodeURIComponent(productId)}`;
      const cart = await request<Cart>(path, { method: 'PUT', body: { quantity } });
      // A later change is on the page already: its own answer counts.
      if (client.isMutating({ mutationKey: CART_KEY }) <= 1) client.setQueryData(CART_KEY, cart);
      tellOtherTabs('cart');
    },
    mutationKey: CART_KEY,
    onMutate: async ({ productId, quantity }) => {
      if (!user) return;
      await client.cancelQueries({ queryKey: CART_KEY });
      client.setQueryData<Cart>(
        CART_KEY,
        (cart) => cart && { ...cart, items: withQuantity(cart.items, productId, quantity) },
      );
    },
    onError: () => client.invalidateQueries({ queryKey: CART_KEY }),
  });
}

/** The cart of the account as it is on the server now. */
export async function readCart(client: QueryClient): Promise<Cart> {
  return await client.fetchQuery({ queryKey: CART_KEY, queryFn: () => request<Cart>('/cart'), staleTime: 0 });
}
