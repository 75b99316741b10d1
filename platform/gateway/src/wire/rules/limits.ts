/** What a client may send, in any version of HTTP. */
export const CLIENT = {
  /** Of one name. No program has one that comes near. */
  maxNameBytes: 256,
  /** Behind a chunked body. */
  maxTrailerBytes: 16_384,
  maxTrailers: 100,
  /** Parts of one `Range`. */
  maxRanges: 5,
} as const;

/** What a back end may send. */
export const BACKEND = { maxHeadBytes: 65_536 } as const;
