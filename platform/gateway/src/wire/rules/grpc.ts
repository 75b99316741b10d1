import { fieldName } from './field-names.ts';
import { appendField, type Fields, fieldValue, noFields } from './fields.ts';
import type { Refusal } from './refusal.ts';
import type { RequestHead } from './request.ts';
import type { ResponseHead } from './response.ts';

const GRPC = 'application/grpc';
const GRPC_WEB = 'application/grpc-web';

/** gRPC over HTTP/2; gRPC-Web is something else. */
export function isGrpc(fields: Fields): boolean {
  const type = fieldValue(fields, 'content-type')?.toLowerCase();
  return type?.startsWith(GRPC) === true && !type.startsWith(GRPC_WEB);
}

/** Does the client read statuses of gRPC? Without HTTP/2 only gRPC-Web can. */
function wantsGrpc({ method, version, fields }: Pick<RequestHead, 'method' | 'version' | 'fields'>): boolean {
  if (method !== 'POST') return false;
  const type = fieldValue(fields, 'content-type')?.toLowerCase();
  return type?.startsWith(version === '2.0' ? GRPC : GRPC_WEB) === true;
}

const MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** How long the client waits for the whole call; `undefined` = for ever, or nothing that can be read. */
export function grpcTimeoutMs(fields: Fields): number | undefined {
  const [, amount = '', unit = ''] =
    /^(\d{1,8})([HMSmun])$/.exec(fieldValue(fields, 'grpc-timeout') ?? '') ?? [];
  return amount === '' ? undefined : Number(amount) * (MS[unit] ?? 1);
}

/** The code that says the same of a call: what may be repeated, and whose fault it was. */
const STATUS_OF: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 12, // UNIMPLEMENTED: there is no such method
  405: 12,
  408: 4, // DEADLINE_EXCEEDED
  413: 8, // RESOURCE_EXHAUSTED
  414: 3,
  416: 11, // OUT_OF_RANGE
  417: 3,
  429: 8,
  431: 8,
  499: 1, // CANCELLED
  500: 13, // INTERNAL
  502: 14, // UNAVAILABLE
  503: 14,
  504: 4,
  505: 12,
  508: 9, // FAILED_PRECONDITION
};
const UNKNOWN = 2;

const CONTENT_TYPE = fieldName('content-type');
const STATUS = fieldName('grpc-status');
const MESSAGE = fieldName('grpc-message');
const PUSHBACK = fieldName('grpc-retry-pushback-ms');

/**
 * A refusal as gRPC tells it: HTTP 200 with the code, and the gateway's own code and trace id as message. `undefined` = the client does not
 * speak gRPC. `Retry-After` becomes what clients with a retry policy wait.
 */
export function grpcRefusal(
  request: Pick<RequestHead, 'method' | 'version' | 'fields'>,
  refusal: Refusal,
  traceId: string,
  own?: Fields,
): ResponseHead | undefined {
  if (!wantsGrpc(request)) return undefined;
  const { status, code, detail, headers = [] } = refusal;
  const fields = own ?? noFields();
  for (const [name, value] of headers) appendField(fields, fieldName(name), value);
  const seconds = fieldValue(fields, 'retry-after');
  appendField(fields, CONTENT_TYPE, fieldValue(request.fields, CONTENT_TYPE.lower) ?? GRPC);
  appendField(fields, STATUS, String(STATUS_OF[status] ?? UNKNOWN));
  appendField(fields, MESSAGE, encodeMessage(`${code}${detail ? `: ${detail}` : ''} (trace ${traceId})`));
  if (seconds !== undefined && /^\d{1,6}$/.test(seconds))
    appendField(fields, PUSHBACK, String(Number(seconds) * 1_000));
  return { status: 200, reason: 'OK', fields, bodyBytes: 0 };
}

/** `%` and what is no visible ASCII, percent-encoded. */
function encodeMessage(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) => encodeURIComponent(part));
}

/** Reads the sizes of messages off a stream of them. */
export interface MessageSizes {
  /** The largest message that has been announced so far, in bytes. */
  feed(chunk: Uint8Array): number;
}

const PREFIX_BYTES = 5;

export function createMessageSizes(): MessageSizes {
  let largest = 0;
  let prefixAt = 0;
  let length = 0;
  let left = 0;
  return {
    feed: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - at);
          left -= taken;
          at += taken;
          continue;
        }
        // One byte that says whether it is compressed, four of length.
        length = prefixAt === 0 ? 0 : length * 256 + (chunk[at] ?? 0);
        prefixAt += 1;
        at += 1;
        if (prefixAt < PREFIX_BYTES) continue;
        prefixAt = 0;
        left = length;
        largest = Math.max(largest, length);
      }
      return largest;
    },
  };
}
