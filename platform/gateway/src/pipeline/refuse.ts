import type { Exchange } from '../exchange.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { appendField, appendFields, type Fields, hasField, noFields } from '../wire/rules/fields.ts';
import { grpcRefusal } from '../wire/rules/grpc.ts';
import { type Refusal, refusalResponse } from '../wire/rules/refusal.ts';

const REQUEST_ID = fieldName('X-Request-Id');

/** Adds what the gateway says of itself on every response: rate limits, and unless strict the id to ask for in case of trouble. */
export function addOwnFields(fields: Fields, { answerFields, trace }: Exchange, strict: boolean): void {
  appendFields(fields, answerFields);
  if (!strict && !hasField(fields, REQUEST_ID.lower)) appendField(fields, REQUEST_ID, trace.traceId);
}

/** Answers in the gateway's own name: a problem (RFC 9457) unless the refusal has a text, a status of gRPC to its clients; strict: an empty body. */
export function refuse(exchange: Exchange, refusal: Refusal, strict: boolean): void {
  const { answer, trace, body, request } = exchange;
  exchange.refusal = refusal;
  if (answer.state !== 'open') {
    answer.abort();
    return;
  }
  const fields = noFields();
  addOwnFields(fields, exchange, strict);
  const grpc = grpcRefusal(request, refusal, trace.traceId, fields);
  const told =
    grpc === undefined
      ? refusalResponse(refusal, trace.traceId, strict ? 'empty' : 'problem', fields)
      : { head: grpc, body: '' };
  if (refusal.closes) answer.closeAfter();
  answer.send(told.head, told.body);
  if (body.state === 'unread' || body.state === 'reading') body.discard();
}
