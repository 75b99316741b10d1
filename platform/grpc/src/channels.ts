import type { Endpoint } from '@flotilla/discovery';
import { Client, connectivityState, credentials } from '@grpc/grpc-js';

/** A connection to one endpoint, shared by all calls to it. */
interface Channel {
  readonly address: string;
  readonly client: Client;
  lastPickedAtMs: number;
  calls: number;
}

export interface Channels {
  /**
   * Runs `work` with a connected client of the endpoint; `'unreachable'` when no connection could be
   * made within `timeoutMs`; nothing has been sent then.
   */
  use<T>(
    endpoint: Endpoint,
    timeoutMs: number,
    work: (client: Client) => Promise<T>,
  ): Promise<T | 'unreachable'>;
  close(): void;
}

export interface ChannelsOptions {
  readonly maxMessageBytes: number;
  /** A channel that balancing has not picked for this long belongs to an endpoint that is gone. */
  readonly idleMs: number;
}

export function createChannels({ maxMessageBytes, idleMs }: ChannelsOptions): Channels {
  const channels = new Map<string, Channel>();

  function open(endpoint: Endpoint): Channel {
    const address = `${endpoint.host}:${endpoint.grpcPort}`;
    const known = channels.get(endpoint.id);
    if (known?.address === address) return known;
    if (known) drop(endpoint.id, known); // the instance was restarted on another port
    const client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.keepalive_timeout_ms': 5_000,
      // A pooled connection would keep its reconnect backoff after we gave it up; and no proxy stands between services.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
    });
    const channel = { address, client, lastPickedAtMs: 0, calls: 0 };
    channels.set(endpoint.id, channel);
    return channel;
  }

  function drop(id: string, channel: Channel): void {
    if (channels.get(id) === channel) channels.delete(id);
    channel.client.close();
  }

  function dropIdle(nowMs: number): void {
    for (const [id, channel] of channels) {
      if (channel.calls === 0 && nowMs - channel.lastPickedAtMs > idleMs) drop(id, channel);
    }
  }

  return {
    use: async (endpoint, timeoutMs, work) => {
      const nowMs = performance.now();
      const channel = open(endpoint);
      channel.lastPickedAtMs = nowMs;
      dropIdle(nowMs);
      channel.calls += 1;
      try {
        if (await becomesReady(channel.client, Date.now() + timeoutMs)) return await work(channel.client);
        drop(endpoint.id, channel); // the next attempt starts afresh instead of waiting for a backoff
        return 'unreachable';
      } finally {
        channel.calls -= 1;
      }
    },
    close: () => {
      for (const [id, channel] of channels) drop(id, channel);
    },
  };
}

async function becomesReady(client: Client, deadlineAtMs: number): Promise<boolean> {
  const channel = client.getChannel();
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) return false;
    const changed = await new Promise<boolean>((resolve) => {
      channel.watchConnectivityState(state, deadlineAtMs, (error) => resolve(error === undefined));
    });
    if (!changed) return false;
  }
}
