import { isRecord } from '@flotilla/kernel';
import { fromSwagger2 } from './from-swagger-2.ts';
import type { JsonObject } from './json-object.ts';

/** A parser of YAML takes many times longer than one of JSON, and nothing else is served meanwhile. */
export const MAX_YAML_BYTES = 1_000_000;
/** Otherwise a small document could say a large one. */
const MAX_ALIASES = 20;

/**
 * A document of OpenAPI 3, which one of Swagger 2.0 becomes, in JSON or YAML; `undefined` = the text is something else. Throws on
 * broken JSON and YAML, on YAML above 1 MB, and on aliases that contain themselves.
 */
export async function readDocument(text: string): Promise<JsonObject | undefined> {
  const held = text.trimStart().startsWith('{') ? (JSON.parse(text) as unknown) : await parseYaml(text);
  if (!isRecord(held) || !isRecord(held['paths'])) return undefined;
  if (majorOf(held['openapi']) === 3) return { ...held, openapi: String(held['openapi']) };
  return majorOf(held['swagger']) === 2 ? fromSwagger2(held) : undefined;
}

async function parseYaml(text: string): Promise<unknown> {
  if (Buffer.byteLength(text) > MAX_YAML_BYTES)
    throw new RangeError(`YAML is read up to ${MAX_YAML_BYTES} bytes`);
  const { parse } = await import('yaml'); // seldom needed
  const held: unknown = parse(text, { schema: 'core', maxAliasCount: MAX_ALIASES, logLevel: 'error' });
  return JSON.parse(JSON.stringify(held) ?? 'null') as unknown; // what is no JSON has no place in a document
}

/** YAML without quotes makes a number of `3.0`. */
function majorOf(version: unknown): number {
  return Number.parseInt(String(version), 10);
}
