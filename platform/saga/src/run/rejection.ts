import { storableJson } from '@flotilla/postgres';
import type { Rejection } from '../decide/state.ts';
import { toStorableCode } from '../errors.ts';

/** A refusal as it is kept, and as hooks see it. Its facts may come from a generated client: 64-bit integers become text. */
export function toRejection(reason: Rejection): Rejection {
  const kept = JSON.parse(storableJson(jsonOf(reason) ?? '{}')) as object;
  return { ...kept, code: toStorableCode(reason.code) };
}

/** JSON of a participant's words; `undefined` when there are none. */
export function jsonOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, held: unknown) => (typeof held === 'bigint' ? held.toString() : held));
}
