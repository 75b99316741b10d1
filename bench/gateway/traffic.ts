/** What is asked and answered: 90 bytes of JSON, as in every published comparison of gateways. */
export const ANSWER_BYTES = 90;

/** How the load is put on. */
export interface LoadRequest {
  readonly port: number;
  readonly connections: number;
  readonly requests: number;
  /** `#` is replaced by the number of the request. */
  readonly path: string;
  /** Whole field lines, each with its CRLF. */
  readonly fields: string;
  /** Requests a second over all connections; 0 = as fast as answers come. */
  readonly perSecond: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}
