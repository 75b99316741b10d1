/** Why a trace is kept longer than others; together in one number. */
export const ERROR = 1;
export const SLOW = 2;
/** A metric shows it as an example. */
export const EXEMPLAR = 4;

const NAMES = [
  [ERROR, 'error'],
  [SLOW, 'slow'],
  [EXEMPLAR, 'exemplar'],
] as const;

export type Pin = (typeof NAMES)[number][1];

export function whyPinned(pinned: number): readonly Pin[] {
  return NAMES.filter(([bit]) => (pinned & bit) !== 0).map(([, name]) => name);
}
