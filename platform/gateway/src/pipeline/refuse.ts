import { STATUS_CODES } from 'node:http';
import type { Exchange } from '../exchange.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { appendField, appendFields, type Fields, hasField, noFields } from '../wire/rules/fields.ts';
import { problemJson, type Refusal } from '../wire/rules/refusal.ts';

const CONTENT_TYPE = fieldName('Content-Type');
const REQUEST_ID = fieldName('X-Request-Id');

/** Adds what the gateway says of itself on every response: rate limits, and unless strict the id to ask for in case of trouble. */
export function addOwnFields(fields: Fields, { answerFields, trace }: Exchange, strict: boolean): void {
  appendFields(fields, answerFields);
  if (!strict && !hasField(fields, REQUEST_ID.lower)) appendField(fields, REQUEST_ID, trace.traceId);
}

/** Answers in the gateway's own name: a problem (RFC 9457) unless the refusal has a text; strict: an empty body. */
export function refuse(exchange: Exchange, refusal: Refusal, strict: boolean): void {
  const { answer, trace, body } = exchange;
  exchange.refusal = refusal;
  if (answer.state !== 'open') {
    answer.abort();
    return;
  }
  const fields = noFields();
  addOwnFields(fields, exchange, strict);
  for (const [name, value] of refusal.headers ?? []) appendField(fields, fieldName(name), value);
  const text = refusal.text ?? (strict ? '' : problemJson(refusal, trace.traceId));
  const type = refusal.text === undefined ? 'application/problem+json' : 'text/plain; charset=utf-8';
  if (text !== '' && !hasField(fields, CONTENT_TYPE.lower)) appendField(fields, CONTENT_TYPE, type);
  if (refusal.closes) answer.closeAfter();
  const bytes = Buffer.byteLength(text);
  answer.send(
    { status: refusal.status, reason: STATUS_CODES[refusal.status] ?? '', fields, bodyBytes: bytes },
    text,
  );
  if (body.state === 'unread' || body.state === 'reading') body.discard();
}
