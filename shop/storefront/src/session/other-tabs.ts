import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

type Change = 'user' | 'cart';

const NAME = 'fl-shop';

/** What this tab has changed on the server; the others ask again. */
export function tellOtherTabs(change: Change): void {
  const channel = new BroadcastChannel(NAME);
  channel.postMessage(change);
  channel.close();
}

export function useOtherTabs(): void {
  const client = useQueryClient();
  useEffect(() => {
    const channel = new BroadcastChannel(NAME);
    channel.onmessage = ({ data }: MessageEvent<Change>) => {
      const what = data === 'cart' ? { queryKey: ['cart'] } : {};
      client.invalidateQueries(what).catch(() => undefined); // each query shows its own failure
    };
    return () => channel.close();
  }, [client]);
}
