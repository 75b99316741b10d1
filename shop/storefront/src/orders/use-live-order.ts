import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { orderQuery } from '../api/account.ts';
import type { Order } from '../api/types.ts';
import { isOver } from './words.ts';

const POLL_MS = 1_500;

/**
 * An order as it is now: told by the server as it happens; asked for again and again where that does not work. Ends with the order.
 * `isLive` says whether news come by themselves.
 */
export function useLiveOrder(id: string) {
  const client = useQueryClient();
  const [isLive, setLive] = useState(false);
  const query = useQuery({
    ...orderQuery(id),
    refetchInterval: ({ state }) => (isLive || (state.data && isOver(state.data.status)) ? false : POLL_MS),
  });
  const isOpen = query.data !== undefined && !isOver(query.data.status);

  useEffect(() => {
    if (!isOpen) return;
    // It connects again by itself, and says which event was the last that it has seen.
    const events = new EventSource(`/orders/${encodeURIComponent(id)}/events`);
    events.addEventListener('open', () => setLive(true));
    events.addEventListener('error', () => setLive(false));
    events.addEventListener('status', ({ data }: MessageEvent<string>) => {
      const order = parseOrder(data);
      if (!order) return;
      client.setQueryData(orderQuery(id).queryKey, order);
      if (isOver(order.status)) events.close();
    });
    return () => {
      events.close();
      setLive(false);
    };
  }, [id, isOpen, client]);

  const isConfirmed = query.data?.status === 'Confirmed';
  useEffect(() => {
    if (!isConfirmed) return;
    // The cart hears of it a moment later, and is empty then.
    const ask = () => void client.invalidateQueries({ queryKey: ['cart'] }).catch(() => undefined);
    const timers = [300, 1_500, 5_000].map((delayMs) => setTimeout(ask, delayMs));
    return () => timers.forEach(clearTimeout);
  }, [isConfirmed, client]);

  return { ...query, isLive };
}

function parseOrder(data: string): Order | undefined {
  try {
    const found = JSON.parse(data) as Partial<Order>;
    return typeof found.id === 'string' && typeof found.status === 'string' ? (found as Order) : undefined;
  } catch {
    return undefined;
  }
}
