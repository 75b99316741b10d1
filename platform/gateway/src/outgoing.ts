import type { Outgoing } from './exchange.ts';
import { type Fields, noFields } from './wire/rules/fields.ts';
import type { RequestHead } from './wire/rules/request.ts';

/**
 * What of the client's request may go to a back end. Fields of the connection, what `Connection` names and what no client may say are
 * left out first, so that nothing the gateway adds later can be removed by them.
 */
export function outgoingOf(request: RequestHead, identityFields: ReadonlySet<string>): Outgoing {
  return {
    method: request.method,
    fields: forwardable(request, identityFields),
    query: undefined,
  };
}

function forwardable({ fields, connectionNames }: RequestHead, identityFields: ReadonlySet<string>): Fields {
  const kept = noFields();
  const { names, values } = fields;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name === undefined || name.isReserved) continue;
    if (connectionNames.length > 0 && connectionNames.includes(name.lower)) continue;
    if (identityFields.size > 0 && identityFields.has(name.dashed)) continue;
    kept.names.push(name);
    kept.values.push(values[index] ?? '');
  }
  return kept;
}
