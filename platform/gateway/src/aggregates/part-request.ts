import { fieldName } from '../wire/rules/field-names.ts';
import type { Fields } from '../wire/rules/fields.ts';
import { appendField, copyFields, noFields } from '../wire/rules/fields.ts';
import type { RequestHead } from '../wire/rules/request.ts';

const ACCEPT_ENCODING = fieldName('Accept-Encoding');

/**
 * What a client says of the one representation that it gets. The parts are others: their bytes are joined, so they are wanted whole,
 * as they are now and without coding, whatever the client has or understands.
 */
const OF_THE_WHOLE: ReadonlySet<string> = new Set([
  ACCEPT_ENCODING.lower,
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'a-im',
  'want-content-digest',
  'want-repr-digest',
]);

/** The client's request as every part of an aggregate is asked. */
export function partRequest(request: RequestHead): RequestHead {
  const fields = withoutWhole(request.fields);
  appendField(fields, ACCEPT_ENCODING, 'identity');
  // An aggregate is an answer, and cannot be a connection that is handed over.
  return { ...request, fields, handshake: 'none' };
}

function withoutWhole(all: Fields): Fields {
  if (!all.names.some(({ dashed }) => OF_THE_WHOLE.has(dashed))) return copyFields(all);
  const kept = noFields();
  for (const [index, name] of all.names.entries())
    if (!OF_THE_WHOLE.has(name.dashed)) appendField(kept, name, all.values[index] ?? '');
  return kept;
}
