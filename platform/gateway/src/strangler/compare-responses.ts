import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { type Fields, fieldValue } from '../wire/rules/fields.ts';
import { compareJson, type Difference, type IgnoredPath } from './compare-json.ts';

/** A response as far as it is compared. */
export interface CapturedResponse {
  readonly status: number;
  readonly fields: Fields;
  /** As it travelled; `undefined` = too large to be compared. */
  readonly body: Buffer | undefined;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** `false` = a body was too large or in a coding that is not understood; the rest was compared. */
  readonly isComplete: boolean;
}

export interface Ignored {
  readonly headers: ReadonlySet<string>;
  readonly paths: readonly IgnoredPath[];
}

/** What a client acts on. Others (Date, ETag, Server, Set-Cookie …) differ between implementations by nature. */
const COMPARED_HEADERS = [
  'content-type',
  'content-language',
  'cache-control',
  'location',
  'vary',
  'allow',
  'www-authenticate',
] as const;

/** The entries of `IgnoreInComparison`: header names and dotted paths are told apart by what they match. */
export function readIgnored(entries: readonly string[]): Ignored {
  return {
    headers: new Set(entries.map((entry) => entry.toLowerCase())),
    paths: entries.map((entry) => entry.split('.')),
  };
}

export async function compareResponses(
  legacy: CapturedResponse,
  other: CapturedResponse,
  ignored: Ignored,
): Promise<Comparison> {
  const differences: Difference[] = [];
  if (legacy.status !== other.status)
    differences.push({ where: 'status', legacy: String(legacy.status), new: String(other.status) });
  for (const name of COMPARED_HEADERS) {
    if (ignored.headers.has(name)) continue;
    const [one, two] = [headerOf(legacy, name), headerOf(other, name)];
    if (one !== two) differences.push({ where: `header ${name}`, legacy: one, new: two });
  }
  const [one, two] = await Promise.all([decoded(legacy), decoded(other)]);
  if (one === undefined || two === undefined) return { differences, isComplete: false };
  differences.push(...compareBodies(one, two, ignored.paths));
  return { differences, isComplete: true };
}

function headerOf({ fields }: CapturedResponse, name: string): string | undefined {
  return fieldValue(fields, name)?.slice(0, 200).toLowerCase().replaceAll(' ', '');
}

function compareBodies(one: Buffer, two: Buffer, paths: readonly IgnoredPath[]): readonly Difference[] {
  if (one.equals(two)) return [];
  const [legacy, other] = [parse(one), parse(two)];
  if (legacy !== undefined && other !== undefined) return compareJson(legacy.value, other.value, paths);
  return [{ where: 'body', legacy: `${one.length} bytes`, new: `${two.length} bytes` }];
}

function parse(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString()) };
  } catch {
    return undefined; // no JSON: compared as bytes
  }
}

const LARGEST_DECODED_BYTES = 1_048_576;
const DECODERS = {
  gzip: promisify<Buffer, object, Buffer>(gunzip),
  'x-gzip': promisify<Buffer, object, Buffer>(gunzip),
  deflate: promisify<Buffer, object, Buffer>(inflate),
  br: promisify<Buffer, object, Buffer>(brotliDecompress),
};

async function decoded({ body, fields }: CapturedResponse): Promise<Buffer | undefined> {
  const coding = fieldValue(fields, 'content-encoding')?.toLowerCase() ?? 'identity';
  if (body === undefined || body.length === 0 || coding === 'identity') return body;
  if (!isKnown(coding)) return undefined;
  try {
    return await DECODERS[coding](body, { maxOutputLength: LARGEST_DECODED_BYTES });
  } catch {
    return undefined; // not what it says it is, or too large
  }
}

function isKnown(coding: string): coding is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, coding);
}
