import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { fieldValue, removeField, setField } from '../../wire/rules/fields.ts';
import { DecodedBody } from './decoded-body.ts';
import { GrpcWebResponse } from './grpc-web-response.ts';

const CONTENT_TYPE = fieldName('content-type');
/** `application/grpc-web`, `application/grpc-web-text`, each with the form of the messages behind a plus. */
const GRPC_WEB = /^application\/grpc-web(-text)?(\+[a-z0-9.-]+)?\s*(?:;|$)/i;
/** Of what browsers speak, not of gRPC. */
const OF_BROWSERS = ['x-grpc-web', 'accept', 'accept-encoding'] as const;

/** From here on the exchange is a call of gRPC for the back end, and one of gRPC-Web for the client. */
export function compileGrpcWeb(isWanted: boolean): Step | undefined {
  if (!isWanted) return undefined;
  return (exchange) => {
    const { request, outgoing } = exchange;
    const type = fieldValue(request.fields, CONTENT_TYPE.lower);
    if (request.method !== 'POST' || type === undefined) return undefined;
    const [, text, form = ''] = GRPC_WEB.exec(type) ?? [];
    if (!GRPC_WEB.test(type)) return undefined;
    const isText = text !== undefined;
    setField(outgoing.fields, CONTENT_TYPE, `application/grpc${form}`);
    for (const name of OF_BROWSERS) removeField(outgoing.fields, name);
    const answerType = `application/grpc-web${isText ? '-text' : ''}${form}`;
    exchange.answer = new GrpcWebResponse(exchange.answer, answerType, isText);
    if (isText) exchange.body = new DecodedBody(exchange.body);
    return undefined;
  };
}
