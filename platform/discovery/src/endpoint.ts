/** Where one instance of a service listens. */
export interface Endpoint {
  /** The instance, unique among all services. */
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
  /** Its part of the calls, in proportion to the others. Absent = 1. */
  readonly weight?: number;
  /** Where it runs: callers in the same zone may prefer it. */
  readonly zone?: string;
  readonly tags?: readonly string[];
  readonly namespace?: string;
}

/** Knows which instances of a service are healthy. */
export interface Resolver {
  /**
   * The healthy instances now, possibly none: the same array as long as nothing has changed. Throws
   * `DISCOVERY_UNAVAILABLE` (retryable) when nothing was ever heard about the service; later failures of the registry
   * keep the last good answer.
   */
  resolve(service: string): Promise<readonly Endpoint[]>;
  /** The same without waiting; `undefined` = ask with `resolve`. */
  known?(service: string): readonly Endpoint[] | undefined;
  close(): Promise<void>;
}

/** The old list when the new one says the same: who compares by identity sees no change. */
export function keepIfSame(
  known: readonly Endpoint[] | undefined,
  next: readonly Endpoint[],
): readonly Endpoint[] {
  const isSame =
    known?.length === next.length && known.every((one, index) => isSameEndpoint(one, next[index]));
  return isSame ? known : next;
}

function isSameEndpoint(one: Endpoint, other: Endpoint | undefined): boolean {
  return (
    one.id === other?.id &&
    one.host === other.host &&
    one.port === other.port &&
    one.grpcPort === other.grpcPort &&
    one.weight === other.weight &&
    one.zone === other.zone &&
    one.namespace === other.namespace &&
    one.tags?.join('\0') === other.tags?.join('\0')
  );
}
