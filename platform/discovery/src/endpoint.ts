/** Where one instance of a service listens. */
export interface Endpoint {
  /** The instance, unique among all services. */
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
}

/** Knows which instances of a service are healthy. */
export interface Resolver {
  /**
   * The healthy instances now, possibly none. Throws `DISCOVERY_UNAVAILABLE` (retryable) when nothing was ever
   * heard about the service; later failures of the registry keep the last good answer.
   */
  resolve(service: string): Promise<readonly Endpoint[]>;
  close(): Promise<void>;
}
