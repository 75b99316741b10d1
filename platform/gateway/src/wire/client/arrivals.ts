import { addressOwner } from '@flotilla/kernel/addresses';

/** Who may open one more connection. */
export interface Arrivals {
  /**
   * Counts a connection, unless it is one too many; `undefined` = admitted. Give it back with `left`. An address that
   * is shared by many clients has no limit of its own.
   */
  arrived(address: string, isShared?: boolean): 'too-many' | 'too-many-of-address' | 'too-fast' | undefined;
  left(address: string): void;
  readonly open: number;
  /** A new second begins. */
  nextSecond(): void;
}

export interface ArrivalLimits {
  /** Open at a time. Default 16,384. */
  readonly maxConnections: number;
  /** Open at a time from one address, of IPv6 one /64. Default 4,096. */
  readonly maxConnectionsPerAddress: number;
  /** Within a second from one address. Default `Infinity`: proxies and load tests open many. */
  readonly maxArrivalsPerSecond: number;
}

export const DEFAULT_ARRIVAL_LIMITS: ArrivalLimits = {
  maxConnections: 16_384,
  maxConnectionsPerAddress: 4_096,
  maxArrivalsPerSecond: Number.POSITIVE_INFINITY,
};

/** Both maps hold no more than what is open or came within a second. */
export function createArrivals(limits: ArrivalLimits): Arrivals {
  const openOf = new Map<string, number>();
  const recentOf = new Map<string, number>();
  let open = 0;
  const isPaced = Number.isFinite(limits.maxArrivalsPerSecond);
  return {
    arrived: (address, isShared = false) => {
      const owner = addressOwner(address);
      const openNow = openOf.get(owner) ?? 0;
      if (isPaced && !isShared) {
        const recent = (recentOf.get(owner) ?? 0) + 1;
        recentOf.set(owner, recent);
        if (recent > limits.maxArrivalsPerSecond) return 'too-fast';
      }
      if (open >= limits.maxConnections) return 'too-many';
      if (!isShared && openNow >= limits.maxConnectionsPerAddress) return 'too-many-of-address';
      open += 1;
      openOf.set(owner, openNow + 1);
      return undefined;
    },
    left: (address) => {
      const owner = addressOwner(address);
      open -= 1;
      const rest = (openOf.get(owner) ?? 1) - 1;
      if (rest === 0) openOf.delete(owner);
      else openOf.set(owner, rest);
    },
    get open() {
      return open;
    },
    nextSecond: () => recentOf.clear(),
  };
}
