import type { Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { fieldValue, setField } from '../../wire/rules/fields.ts';

/**
 * The client's value of the field is the request's id; without one it is the trace id, which the back end then
 * gets in this field. Several lines become one.
 */
export function compileRequestId(key: string | undefined): Step | undefined {
  if (key === undefined) return undefined;
  const name = fieldName(key);
  return (exchange) => {
    const { fields } = exchange.outgoing;
    const id = fieldValue(fields, name.lower) || exchange.trace.traceId;
    const isOneLine = fields.values[fields.names.findIndex(({ lower }) => lower === name.lower)] === id;
    if (!isOneLine) setField(fields, name, id);
    exchange.requestId = { name, value: id };
    return undefined;
  };
}
