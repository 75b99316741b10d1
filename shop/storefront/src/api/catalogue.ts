import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from './request.ts';
import type { Availability, Home, Page, Product } from './types.ts';

/** What a person looks for, as the URL says it. */
export interface Search {
  readonly q: string;
  readonly sort: Sort;
  /** In whole units of the currency; `undefined` for no limit. */
  readonly minPrice: number | undefined;
  readonly maxPrice: number | undefined;
  readonly inStock: boolean;
}

export const SORTS = {
  '': 'Featured',
  name: 'Name',
  price: 'Price, low to high',
  '-price': 'Price, high to low',
} as const;
export type Sort = keyof typeof SORTS;

const MAX_PRICE = 1_000_000;

/** Whatever somebody typed into the address bar: what makes no sense is no filter. */
export function readSearch(parameters: URLSearchParams): Search {
  const sort = parameters.get('sort') ?? '';
  return {
    q: (parameters.get('q') ?? '')
      .replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
      .trim()
      .slice(0, 200),
    sort: Object.hasOwn(SORTS, sort) ? (sort as Sort) : '',
    minPrice: readPrice(parameters.get('min')),
    maxPrice: readPrice(parameters.get('max')),
    inStock: parameters.get('stock') === '1',
  };
}

function readPrice(text: string | null): number | undefined {
  if (text === null || !/^\d{1,7}$/.test(text)) return undefined;
  return Math.min(Number(text), MAX_PRICE);
}

/** The same search always has the same URL. */
export function writeSearch({ q, sort, minPrice, maxPrice, inStock }: Search): string {
  const parameters = new URLSearchParams();
  if (q !== '') parameters.set('q', q);
  if (sort !== '') parameters.set('sort', sort);
  if (minPrice !== undefined) parameters.set('min', String(minPrice));
  if (maxPrice !== undefined) parameters.set('max', String(maxPrice));
  if (inStock) parameters.set('stock', '1');
  return parameters.size > 0 ? `/search?${parameters}` : '/search';
}

const PAGE_SIZE = '24';

export function productsQuery(search: Search) {
  return infiniteQueryOptions({
    queryKey: ['products', search],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: PAGE_SIZE });
      if (search.q !== '') query.set('q', search.q);
      if (search.sort !== '') query.set('sort', search.sort);
      if (search.minPrice !== undefined) query.set('minPrice', String(search.minPrice * 100));
      if (search.maxPrice !== undefined) query.set('maxPrice', String(search.maxPrice * 100));
      if (search.inStock) query.set('inStock', 'true');
      if (pageParam !== null) query.set('cursor', pageParam);
      return request<Page<Product>>(`/products?${query}`, { signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
}

export function productQuery(id: string) {
  return queryOptions({
    queryKey: ['product', id],
    queryFn: ({ signal }) => request<Product>(`/products/${encodeURIComponent(id)}`, { signal }),
    staleTime: 60_000,
  });
}

const LIVE_MS = 10_000;

/** Asked again and again while somebody looks. */
export function availabilityQuery(id: string, quantity: number) {
  return queryOptions({
    queryKey: ['availability', id, quantity],
    queryFn: ({ signal }) =>
      request<Availability>(`/products/${encodeURIComponent(id)}/availability?quantity=${quantity}`, {
        signal,
      }),
    staleTime: 2_000,
    refetchInterval: LIVE_MS,
  });
}

export function alsoBoughtQuery(id: string) {
  return queryOptions({
    queryKey: ['also-bought', id],
    queryFn: ({ signal }) =>
      request<Page<Product>>(`/products/${encodeURIComponent(id)}/also-bought?limit=4`, { signal }),
    staleTime: 60_000,
    retry: false, // an extra: the page is whole without it
  });
}

export const homeQuery = queryOptions({
  queryKey: ['home'],
  queryFn: ({ signal }) => request<Home>('/web/home', { signal }),
});
