import { uuidv5 } from '@flotilla/kernel';
import type { Direction } from './transition.ts';

/** Depends on nothing but the saga, the step and the direction: a retry repeats its command. */
export function commandIdOf(sagaId: string, step: string, direction: Direction): string {
  return uuidv5(`${direction}:${step}`, sagaId);
}
