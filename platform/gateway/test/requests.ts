import assert from 'node:assert/strict';
import { fieldName } from '../src/wire/rules/field-names.ts';
import type { Method, RequestHead } from '../src/wire/rules/request.ts';
import { parseTarget } from '../src/wire/rules/target.ts';

/** A request head for tests, read as the gateway reads it. */
export function requestFor(
  target: string,
  {
    method = 'GET',
    host = 'shop.test',
    headers = [],
  }: {
    readonly method?: Method;
    readonly host?: string;
    readonly headers?: readonly (readonly [name: string, value: string])[];
  } = {},
): RequestHead {
  const parsed = parseTarget(target, host);
  assert.ok(parsed.ok, `${target} is no target`);
  return {
    method,
    version: '1.1',
    target: parsed.value,
    host,
    fields: { names: headers.map(([name]) => fieldName(name)), values: headers.map(([, value]) => value) },
    connectionNames: [],
    framing: { kind: 'none' },
    handshake: 'none',
  };
}

/** The same numbers from 0 to below 1 for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
