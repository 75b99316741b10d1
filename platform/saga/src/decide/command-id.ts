import { uuidv5 } from '@flotilla/kernel';
import type { Direction } from './state.ts';

/**
 * Depends on nothing but the saga, the step, the direction and how often the command was renewed: a retry repeats its
 * command. `branch` is '' for a step of its own.
 */
export function commandIdOf(
  sagaId: string,
  step: string,
  direction: Direction,
  { branch = '', epoch = 1 }: { readonly branch?: string; readonly epoch?: number } = {},
): string {
  return uuidv5(`${direction}:${step}:${branch}:${epoch}`, sagaId);
}
