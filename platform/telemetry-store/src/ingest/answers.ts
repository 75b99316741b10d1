/** `traces`, `logs` and `metrics`: each has its own path, `/v1/<signal>`. */
export type Signal = 'traces' | 'logs' | 'metrics';

export const SIGNALS: readonly Signal[] = ['traces', 'logs', 'metrics'];

export type Format = 'json' | 'protobuf';

/** What became of a request. `kept` and `rejected` count records. */
export type Outcome =
  | { readonly kind: 'kept'; readonly kept: number; readonly rejected: number; readonly reason: string }
  | { readonly kind: 'malformed' | 'too-large' | 'failed'; readonly message: string };

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  protobuf: 'application/x-protobuf',
};
/** As the names of the standard: `rejectedSpans`. */
const REJECTED: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
};

/** Success, and what of it was not kept, in the format of the question. */
export function accepted(signal: Signal, format: Format, rejected: number, reason: string): Answer {
  const headers = { 'content-type': TYPES[format] };
  if (format === 'json') {
    const partialSuccess = { [REJECTED[signal]]: String(rejected), errorMessage: reason };
    const body = rejected === 0 ? {} : { partialSuccess };
    return { status: 200, headers, body: Buffer.from(JSON.stringify(body)) };
  }
  if (rejected === 0) return { status: 200, headers, body: Buffer.alloc(0) };
  const inner = Buffer.concat([field(1, rejected), textField(2, reason)]);
  return { status: 200, headers, body: Buffer.concat([Buffer.from([10]), varint(inner.length), inner]) };
}

const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  404: 5,
  405: 12,
  413: 8,
  415: 3,
  500: 13,
  503: 14,
};
const RETRY_AFTER_SECONDS = '1';

/** A `google.rpc.Status`. What is worth trying again says when. */
export function refused(status: number, format: Format, message: string): Answer {
  const code = CODES[status] ?? 2;
  const body =
    format === 'json'
      ? Buffer.from(JSON.stringify({ code, message }))
      : Buffer.concat([field(1, code), textField(2, message)]);
  return {
    status,
    body,
    headers: {
      'content-type': TYPES[format],
      ...(status === 503 && { 'retry-after': RETRY_AFTER_SECONDS }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

function field(number: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([number * 8]), varint(value)]);
}

function textField(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes]);
}
