import { type Fields, fieldValue, hasField } from '../../wire/rules/fields.ts';
import type { ResponseHead } from '../../wire/rules/response.ts';
import type { Coding, CompressionConfig } from './config.ts';

/**
 * RFC 9110 §12.5.3: of the codings that the client takes the one that it prefers, among equals the first offered. `undefined` = none,
 * or it prefers the answer as it is.
 */
export function chooseCoding(
  acceptEncoding: string | undefined,
  offered: readonly Coding[],
): Coding | undefined {
  if (acceptEncoding === undefined || acceptEncoding === '') return undefined;
  const weights = new Map<string, number>();
  for (const part of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    if (name !== '') weights.set(name, weightOf(parameters));
  }
  const others = weights.get('*') ?? 0;
  let best: Coding | undefined;
  let bestWeight = 0;
  for (const coding of offered) {
    const weight = weights.get(coding) ?? others;
    if (weight <= bestWeight) continue;
    best = coding;
    bestWeight = weight;
  }
  return (weights.get('identity') ?? 0) > bestWeight ? undefined : best;
}

/** `q=0.5`; what cannot be read is refused as 0 would be. */
function weightOf(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  if (q === undefined) return 1;
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q.slice(2)) : 0;
}

/** Of what the answer was before: a coding would make them wrong. */
const DIGESTS = ['digest', 'content-digest', 'repr-digest', 'content-md5', 'signature'] as const;

/** Would this answer be compressed for a client that takes it? Whoever stores it must know that there are two of it. */
export function isCompressible(head: ResponseHead, { types, minBytes }: CompressionConfig): boolean {
  const { status, fields, bodyBytes } = head;
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) return false;
  if (bodyBytes !== undefined && (bodyBytes < minBytes || bodyBytes === 0)) return false;
  const coded = fieldValue(fields, 'content-encoding');
  if (coded !== undefined && coded.toLowerCase() !== 'identity') return false;
  if (hasField(fields, 'content-range') || DIGESTS.some((name) => hasField(fields, name))) return false;
  if (/(?:^|[\s,])no-transform(?:$|[\s,])/i.test(fieldValue(fields, 'cache-control') ?? '')) return false;
  return isOneOf(types, mediaType(fields));
}

export function mediaType(fields: Fields): string {
  const [type = ''] = (fieldValue(fields, 'content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}

function isOneOf(types: readonly string[], type: string): boolean {
  return types.some((one) => (one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : one === type));
}
