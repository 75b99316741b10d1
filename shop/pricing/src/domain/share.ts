const WHOLE = 10_000n;

/**
 * The one rounding rule of prices: a share is rounded half up to whole minor units, once, when it becomes an amount
 * that somebody sees; sums are then exact. `basisPoints` are hundredths of a percent; both are not negative.
 */
export function shareOf(amountMinor: number, basisPoints: number): number {
  return divide(BigInt(amountMinor) * BigInt(basisPoints), WHOLE);
}

/** The tax that a price contains, by the same rule: at 20 % a price of 120 holds 20. */
export function taxWithin(grossMinor: number, basisPoints: number): number {
  return divide(BigInt(grossMinor) * BigInt(basisPoints), WHOLE + BigInt(basisPoints));
}

function divide(dividend: bigint, divisor: bigint): number {
  return Number((dividend + divisor / 2n) / divisor);
}
