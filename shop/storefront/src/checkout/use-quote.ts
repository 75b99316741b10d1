import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { request } from '../api/request.ts';
import type { CartLine, Quote } from '../api/types.ts';

interface Wish {
  readonly lines: readonly CartLine[];
  readonly country: string;
  readonly coupon: string | undefined;
  /** Default true. */
  readonly isWanted?: boolean;
}

function keyOf({ lines, country, coupon }: Wish) {
  return ['quote', lines.map(({ productId, quantity }) => `${productId}*${quantity}`), country, coupon ?? ''];
}

/** What the cart costs, line by line, as the server says: the page adds up nothing that is charged. */
export function useQuote(wish: Wish) {
  const client = useQueryClient();
  const queryKey = keyOf(wish);
  const { lines, country, coupon, isWanted = true } = wish;
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      request<Quote>('/quotes', {
        method: 'POST',
        signal,
        body: { items: lines, country, ...(coupon && { coupon }) },
      }),
    enabled: isWanted && lines.length > 0,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
  const replace = (quote: Quote | undefined) =>
    quote ? client.setQueryData(queryKey, quote) : void client.invalidateQueries({ queryKey });
  return { query, replace };
}
