import type { ConfigObject, SectionShape } from '../../grammar/shape.ts';
import { type ArrivalLimits, DEFAULT_ARRIVAL_LIMITS } from '../../wire/client/arrivals.ts';
import {
  type ClientLimits,
  DEFAULT_HTTP2_LIMITS,
  DEFAULT_LIMITS,
  type Http2Limits,
} from '../../wire/client/options.ts';
import { isExtraMethod } from '../../wire/rules/request.ts';

/** What every client of the gateway is held to, whatever its route. */
export interface LimitsConfig {
  readonly http1: ClientLimits;
  readonly http2: Http2Limits;
  /** In force when a port is opened; the others for connections that come after a reload. */
  readonly arrivals: ArrivalLimits;
  /** For requests in flight when the gateway stops. `undefined` = what whoever starts it says. */
  readonly drainTimeoutMs: number | undefined;
}

const seconds = (ms: number) => ms / 1_000;
const time = (ms: number, doc: string) =>
  ({ type: 'number', minimum: 0.001, default: seconds(ms), own: true, doc: `${doc}, s.` }) as const;
const count = (value: number, minimum: number, doc: string) =>
  ({ type: 'integer', minimum, default: value, own: true, doc }) as const;

/** Of `GlobalConfiguration`. */
export const LIMITS = {
  FirstByteTimeout: time(DEFAULT_LIMITS.firstByteMs, 'From the start of a connection to its first byte'),
  HeadTimeout: time(DEFAULT_LIMITS.headMs, "From a head's first byte to its last; then 408"),
  KeepAliveTimeout: time(
    DEFAULT_LIMITS.idleMs,
    'Between a response and the next request, told in `Keep-Alive`; more than balancers in front keep connections',
  ),
  BodyTimeout: time(DEFAULT_LIMITS.bodyStallMs, 'Without a byte of a body that is wanted; then 408'),
  MinBodyRate: count(
    DEFAULT_LIMITS.bodyBytesPerSecond,
    0,
    'A body slower than this on average is ended with 408, B/s; 0 = no pace. Streams of gRPC have none.',
  ),
  MinBodyRateGracePeriod: time(DEFAULT_LIMITS.bodyGraceMs, 'Before the pace of a body is judged'),
  StreamTimeout: time(
    DEFAULT_HTTP2_LIMITS.streamSilenceMs,
    'A call of gRPC whose client sends no further message is ended after this',
  ),
  WriteTimeout: time(
    DEFAULT_LIMITS.writeStallMs,
    'A client that takes nothing of its answer for so long is cut, a paused download too',
  ),
  HalfCloseTimeout: time(
    DEFAULT_LIMITS.halfCloseMs,
    'For an answer to begin to a client that has closed its sending side: nearly all of them are gone',
  ),
  MaxHeadSize: count(
    DEFAULT_LIMITS.maxHeadBytes,
    1_024,
    'Request line and headers together, B; above it 431.',
  ),
  MaxHeaders: count(DEFAULT_LIMITS.maxFields, 10, 'Header lines; above it 431.'),
  MaxConnections: count(DEFAULT_ARRIVAL_LIMITS.maxConnections, 1, 'Of clients, open at a time on a port.'),
  MaxConnectionsPerAddress: count(
    DEFAULT_ARRIVAL_LIMITS.maxConnectionsPerAddress,
    1,
    'The same of one address, of IPv6 one /64. Trusted proxies have none.',
  ),
  Http2MaxStreams: count(DEFAULT_HTTP2_LIMITS.maxStreams, 1, 'Requests of one connection at a time.'),
  Http2MaxResets: count(
    DEFAULT_HTTP2_LIMITS.maxResets,
    1,
    'Requests that a client may take back in 10 s while they are more than half of its requests; then its connection ends.',
  ),
  Http2StreamWindow: count(
    DEFAULT_HTTP2_LIMITS.streamWindowBytes,
    65_535,
    'What a client may send of one body before the gateway has read it, B: an upload has one window a round trip.',
  ),
  Http2ConnectionWindow: count(
    DEFAULT_HTTP2_LIMITS.connectionWindowBytes,
    65_535,
    'The same of all bodies of a connection together, B. So much memory a connection can cost.',
  ),
  DrainTimeout: {
    type: 'number',
    minimum: 0,
    own: true,
    doc: 'For requests in flight when the gateway stops, s. Default 10 in code; on the command line 8, or `--drain-timeout`.',
  },
} as const satisfies SectionShape;

/** `methods`: all that routes name. */
export function readLimits(
  object: ConfigObject<typeof LIMITS> | undefined,
  methods: readonly string[] = [],
): LimitsConfig {
  const values = object?.values ?? {};
  const ms = (given: number | undefined, otherwise: number) =>
    given === undefined ? otherwise : given * 1_000;
  const http1: ClientLimits = {
    ...DEFAULT_LIMITS,
    firstByteMs: ms(values.FirstByteTimeout, DEFAULT_LIMITS.firstByteMs),
    headMs: ms(values.HeadTimeout, DEFAULT_LIMITS.headMs),
    idleMs: ms(values.KeepAliveTimeout, DEFAULT_LIMITS.idleMs),
    bodyStallMs: ms(values.BodyTimeout, DEFAULT_LIMITS.bodyStallMs),
    bodyBytesPerSecond: values.MinBodyRate ?? DEFAULT_LIMITS.bodyBytesPerSecond,
    bodyGraceMs: ms(values.MinBodyRateGracePeriod, DEFAULT_LIMITS.bodyGraceMs),
    writeStallMs: ms(values.WriteTimeout, DEFAULT_LIMITS.writeStallMs),
    halfCloseMs: ms(values.HalfCloseTimeout, DEFAULT_LIMITS.halfCloseMs),
    maxHeadBytes: values.MaxHeadSize ?? DEFAULT_LIMITS.maxHeadBytes,
    maxFields: values.MaxHeaders ?? DEFAULT_LIMITS.maxFields,
    extraMethods: new Set(methods.filter(isExtraMethod)),
  };
  const { idleMs, bodyStallMs, bodyBytesPerSecond, bodyGraceMs, writeStallMs, maxHeadBytes, maxFields } =
    http1;
  const streamWindowBytes = values.Http2StreamWindow ?? DEFAULT_HTTP2_LIMITS.streamWindowBytes;
  const connectionWindowBytes = values.Http2ConnectionWindow ?? DEFAULT_HTTP2_LIMITS.connectionWindowBytes;
  if (connectionWindowBytes < streamWindowBytes)
    object?.error('Http2ConnectionWindow', 'must not be smaller than Http2StreamWindow');
  return {
    http1,
    http2: {
      ...{
        idleMs,
        bodyStallMs,
        bodyBytesPerSecond,
        bodyGraceMs,
        writeStallMs,
        maxHeadBytes,
        maxFields,
        extraMethods: http1.extraMethods,
      },
      streamSilenceMs: ms(values.StreamTimeout, DEFAULT_HTTP2_LIMITS.streamSilenceMs),
      maxStreams: values.Http2MaxStreams ?? DEFAULT_HTTP2_LIMITS.maxStreams,
      maxResets: values.Http2MaxResets ?? DEFAULT_HTTP2_LIMITS.maxResets,
      streamWindowBytes,
      connectionWindowBytes,
    },
    arrivals: {
      ...DEFAULT_ARRIVAL_LIMITS,
      maxConnections: values.MaxConnections ?? DEFAULT_ARRIVAL_LIMITS.maxConnections,
      maxConnectionsPerAddress:
        values.MaxConnectionsPerAddress ?? DEFAULT_ARRIVAL_LIMITS.maxConnectionsPerAddress,
    },
    drainTimeoutMs: values.DrainTimeout === undefined ? undefined : values.DrainTimeout * 1_000,
  };
}
