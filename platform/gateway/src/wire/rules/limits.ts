/** What a client may send, in any version of HTTP. */
export const CLIENT = {
  /** Request line, fields and the empty line together; of HTTP/2 the same fields, counted as HTTP/1.1 would write them. */
  maxHeadBytes: 16_384,
  maxFields: 100,
  /** Parts of one `Range`. */
  maxRanges: 5,
} as const;

/** What a back end may send. */
export const BACKEND = { maxHeadBytes: 65_536 } as const;
