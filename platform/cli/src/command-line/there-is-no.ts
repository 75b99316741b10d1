import { didYouMean } from '@flotilla/kernel';

/** `there is no service ordr: did you mean order? There are cart, order`. */
export function thereIsNo(what: string, given: string, known: readonly string[]): string {
  const meant = didYouMean(given, known);
  const all = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
  return meant === undefined
    ? `there is no ${what} ${given}; ${all}`
    : `there is no ${what} ${given}: did you mean ${meant}? ${all.replace('there', 'There')}`;
}
