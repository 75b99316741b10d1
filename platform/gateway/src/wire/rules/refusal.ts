import { STATUS_CODES } from 'node:http';
import { PROBLEM_CONTENT_TYPE, problemJson } from '@flotilla/kernel';
import { fieldName } from './field-names.ts';
import { appendField, type Fields, hasField, noFields } from './fields.ts';
import type { ResponseHead } from './response.ts';

/** A response that the gateway gives by itself instead of forwarding. */
export interface Refusal {
  readonly status: number;
  /** Stable, for programs: `not-found`, `rate-limited`, … */
  readonly code: string;
  readonly detail?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent as plain text in place of a problem. */
  readonly text?: string;
  /** The request could not be delimited with certainty: nothing more is read from this connection. */
  readonly closes?: boolean;
}

/** A request whose syntax leaves doubt: refused, and the connection with it. */
export function malformed(detail: string): Refusal {
  return { status: 400, code: 'malformed-request', detail, closes: true };
}

export function badTarget(detail: string): Refusal {
  return { status: 400, code: 'malformed-target', detail };
}

export const NOT_FOUND: Refusal = { status: 404, code: 'not-found' };

const ALLOW = ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const;

/** No refusal: the response to a question about the gateway itself. */
export const OPTIONS_RESPONSE: Refusal = { status: 204, code: 'options', headers: [ALLOW] };

/** The connection is closed: what follows an unknown method cannot be trusted to be a request. */
export const METHOD_NOT_ALLOWED: Refusal = {
  status: 405,
  code: 'method-not-allowed',
  headers: [ALLOW],
  closes: true,
};

export const EXPECTATION_FAILED: Refusal = { status: 417, code: 'expectation-failed', closes: true };
export const BODY_TOO_LARGE: Refusal = { status: 413, code: 'body-too-large' };
/** There is no client left to be told; for measurements only. */
export const CLIENT_GONE: Refusal = { status: 499, code: 'client-gone' };
export const BAD_GATEWAY: Refusal = { status: 502, code: 'bad-gateway' };
export const GATEWAY_TIMEOUT: Refusal = { status: 504, code: 'gateway-timeout' };
export const SERVICE_UNAVAILABLE: Refusal = {
  status: 503,
  code: 'service-unavailable',
  headers: [['retry-after', '1']],
};

const CONTENT_TYPE = fieldName('Content-Type');
const REQUEST_ID = fieldName('X-Request-Id');

/**
 * The response that tells a refusal. `own`: what the gateway says of itself on this response; without it the trace id in
 * `X-Request-Id`. `empty` bodies are `--ocelot-strict`.
 */
export function refusalResponse(
  refusal: Refusal,
  traceId: string,
  bodies: 'problem' | 'empty',
  own?: Fields,
): { readonly head: ResponseHead; readonly body: string } {
  const { status, text, headers } = refusal;
  const fields = own ?? noFields();
  if (own === undefined && bodies === 'problem') appendField(fields, REQUEST_ID, traceId);
  for (const [name, value] of headers ?? []) appendField(fields, fieldName(name), value);
  const isEmpty = bodies === 'empty' || status === 204;
  const body = text ?? (isEmpty ? '' : problemJson(refusal, { traceId }));
  const type = text === undefined ? PROBLEM_CONTENT_TYPE : 'text/plain; charset=utf-8';
  if (body !== '' && !hasField(fields, CONTENT_TYPE.lower)) appendField(fields, CONTENT_TYPE, type);
  const bodyBytes = Buffer.byteLength(body);
  return { head: { status, reason: STATUS_CODES[status] ?? '', fields, bodyBytes }, body };
}
