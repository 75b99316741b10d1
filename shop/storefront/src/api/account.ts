import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { request } from './request.ts';
import type { Order, Page, Profile, SavedAddress, Session } from './types.ts';

export const ordersQuery = infiniteQueryOptions({
  queryKey: ['orders'],
  queryFn: ({ pageParam, signal }) => {
    const cursor = pageParam === null ? '' : `&cursor=${encodeURIComponent(pageParam)}`;
    return request<Page<Order>>(`/orders?limit=10${cursor}`, { signal });
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
  staleTime: 0,
});

export function orderQuery(id: string) {
  return queryOptions({
    queryKey: ['order', id],
    queryFn: ({ signal }) => request<Order>(`/orders/${encodeURIComponent(id)}`, { signal }),
    staleTime: 0,
  });
}

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => request<{ readonly items: readonly Session[] }>('/me/sessions', { signal }),
  staleTime: 0,
});

export const addressesQuery = queryOptions({
  queryKey: ['addresses'],
  queryFn: ({ signal }) => request<Page<SavedAddress>>('/me/addresses', { signal }),
});

export const profileQuery = queryOptions({
  queryKey: ['profile'],
  queryFn: ({ signal }) => request<Profile>('/me', { signal }),
});
