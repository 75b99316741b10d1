import { fieldName } from './field-names.ts';
import { appendField, noFields } from './fields.ts';
import { problemJson, type Refusal } from './refusal.ts';
import type { ResponseHead } from './response.ts';

const CONTENT_TYPE = fieldName('Content-Type');
const REQUEST_ID = fieldName('X-Request-Id');

/** The response that tells a refusal to a client whose request never reached the pipeline; `empty` is `--ocelot-strict`. */
export function refusalResponse(
  refusal: Refusal,
  traceId: string,
  bodies: 'problem' | 'empty',
): { readonly head: ResponseHead; readonly body: string } {
  const fields = noFields();
  const isEmpty = bodies === 'empty' || refusal.status === 204;
  if (!isEmpty) appendField(fields, CONTENT_TYPE, 'application/problem+json');
  if (bodies === 'problem') appendField(fields, REQUEST_ID, traceId);
  for (const [name, value] of refusal.headers ?? []) appendField(fields, fieldName(name), value);
  const head = { status: refusal.status, reason: '', fields, bodyBytes: undefined };
  return { head, body: isEmpty ? '' : problemJson(refusal, traceId) };
}
