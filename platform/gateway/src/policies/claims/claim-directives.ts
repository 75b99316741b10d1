import type { Claims, Step } from '../../exchange.ts';
import { fieldName } from '../../wire/rules/field-names.ts';
import { setField } from '../../wire/rules/fields.ts';
import { NOT_FOUND, type Refusal } from '../../wire/rules/refusal.ts';
import { isExemptFromAuthentication } from '../cors/cors.ts';
import type { ClaimDirective, ClaimsConfig, DirectiveMap } from './config.ts';

const CLAIM_MISSING: Refusal = { status: 403, code: 'claim-missing' };
const CLAIM_UNFIT: Refusal = { status: 403, code: 'claim-unfit' };
const NO_CLAIMS: Claims = new Map();

/**
 * `AddClaimsToRequest`: runs before authorisation, which sees the result. In the order of the file, so that a
 * later entry may read what an earlier one set. A missing claim is 403.
 */
export function compileClaimsToClaims({ toClaims }: ClaimsConfig, strict: boolean): Step | undefined {
  if (toClaims.size === 0) return undefined;
  const directives = [...toClaims];
  return (exchange) => {
    if (isExemptFromAuthentication(exchange.request, strict)) return undefined;
    const claims: Claims = new Map(exchange.claims); // the verified ones are shared by all requests of the token
    for (const [name, directive] of directives) {
      const value = evaluate(directive, claims);
      if (value === undefined) return CLAIM_MISSING;
      claims.set(name, [value]);
    }
    exchange.claims = claims;
    return undefined;
  };
}

/** Puts one value where its directive wants it; a refusal if it cannot go there. */
type Placement = (exchange: Parameters<Step>[0], value: string) => Refusal | undefined;

/**
 * `AddHeadersToRequest`, `AddQueriesToRequest` and `ChangeDownstreamPathTemplate`, in this order, after
 * authorisation. Missing claims, and values that could become more than a value where they go, are 403; a
 * placeholder that the downstream template lacks is 404.
 */
export function compileClaimsToRequest(
  { toHeaders, toQuery, toPath }: ClaimsConfig,
  { strict, downstreamTemplate }: { readonly strict: boolean; readonly downstreamTemplate: string },
): Step | undefined {
  const entries = [
    ...placements(toHeaders, toHeader),
    ...placements(toQuery, toParameter),
    ...placements(toPath, (name) => toPlaceholder(name, downstreamTemplate)),
  ];
  if (entries.length === 0) return undefined;
  return (exchange) => {
    if (isExemptFromAuthentication(exchange.request, strict)) return undefined;
    const claims = exchange.claims ?? NO_CLAIMS;
    for (const { directive, place } of entries) {
      const value = evaluate(directive, claims);
      const refusal = value === undefined ? CLAIM_MISSING : place(exchange, value);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

function placements(directives: DirectiveMap, placementOf: (name: string) => Placement) {
  return [...directives].map(([name, directive]) => ({ directive, place: placementOf(name) }));
}

function toHeader(header: string): Placement {
  const name = fieldName(header);
  return ({ outgoing }, value) => {
    const text = asFieldValue(value);
    if (text === undefined) return CLAIM_UNFIT;
    setField(outgoing.fields, name, text);
    return undefined;
  };
}

function toParameter(name: string): Placement {
  return ({ outgoing }, value) => {
    const text = asQueryValue(value);
    if (text === undefined) return CLAIM_UNFIT;
    outgoing.query ??= new Map();
    outgoing.query.set(name, text);
    return undefined;
  };
}

function toPlaceholder(name: string, downstreamTemplate: string): Placement {
  if (!downstreamTemplate.includes(`{${name}}`)) return () => NOT_FOUND;
  return ({ values }, value) => {
    const text = asPathSegment(value);
    if (text === undefined) return CLAIM_UNFIT;
    values.set(name, text);
    return undefined;
  };
}

/** Several claims of the type are joined with `,`; with a part, the text is split at the delimiter. */
function evaluate({ claim, part }: ClaimDirective, claims: Claims): string | undefined {
  const texts = claims.get(claim);
  if (texts === undefined) return undefined;
  const text = texts.length === 1 ? texts[0] : texts.join(',');
  if (part === undefined || text === undefined) return text;
  return text.split(part.delimiter)[part.index];
}

/** Printable ASCII and blanks: what a header field can hold. */
export function asFieldValue(text: string): string | undefined {
  return hasOnly(text, 0x20, 0x7e) ? text : undefined;
}

/** As it is: it is encoded when it is put into the query. No control characters, which no honest value has. */
export function asQueryValue(text: string): string | undefined {
  return hasOnly(text, 0x20, 0xffff) && !text.includes('\x7f') && text.isWellFormed() ? text : undefined;
}

/**
 * Percent-encoded, so that it stays one segment. Also for a back end that decodes slashes too early no part of
 * it may be empty, `.` or `..`.
 */
export function asPathSegment(text: string): string | undefined {
  const isPlain = text.split(/[/\\]/).every((part) => {
    const [name] = part.split(';', 1);
    return name !== '' && name !== '.' && name !== '..';
  });
  const value = isPlain ? asQueryValue(text) : undefined;
  return value === undefined ? undefined : encodeURIComponent(value);
}

function hasOnly(text: string, lowest: number, highest: number): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < lowest || code > highest) return false;
  }
  return true;
}
