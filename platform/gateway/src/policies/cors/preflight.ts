import { fieldValue, hasField } from '../../wire/rules/fields.ts';
import type { RequestHead } from '../../wire/rules/request.ts';

/** A CORS preflight: browsers send it without credentials, always. */
export function isPreflight({ method, fields }: RequestHead): boolean {
  return (
    method === 'OPTIONS' && hasField(fields, 'origin') && hasField(fields, 'access-control-request-method')
  );
}

/** The method that a preflight asks about: where the gateway answers CORS itself, the route is found by it. */
export function preflightMethod(request: RequestHead): string | undefined {
  return isPreflight(request) ? fieldValue(request.fields, 'access-control-request-method') : undefined;
}

/** Strictly as Ocelot, any OPTIONS passes without a token; else preflights only. */
export function isExemptFromAuthentication(request: RequestHead, strict: boolean): boolean {
  if (request.method !== 'OPTIONS') return false;
  return strict || isPreflight(request);
}
