import type { Exchange } from '../../exchange.ts';

/** Gives the value of an entry for one exchange. */
export type TextOf = (exchange: Exchange) => string;

const WHOLE_PLACEHOLDER = /^\{[^{}]*\}$/;

/**
 * The value of an add, set or append entry: a placeholder only if it is the whole text. `undefined` = a
 * placeholder nobody knows.
 */
export function compileValue(text: string, baseUrl: string): TextOf | undefined {
  if (!WHOLE_PLACEHOLDER.test(text)) return () => text;
  switch (text) {
    case '{BaseUrl}':
      return () => baseUrl;
    case '{RemoteIpAddress}':
      return ({ clientAddress }) => clientAddress;
    case '{UpstreamHost}':
      return ({ request }) => request.host;
    case '{TraceId}':
      return ({ trace }) => trace.traceId;
    default:
      return undefined;
  }
}
