const WEIGHTS = [8, 6, 4, 2, 3, 5, 9, 7] as const;

/**
 * A parcel's tracking number in the format of the Universal Postal Union (S10): service, eight digits, check
 * digit, country. The check digit finds every single wrong digit and most swapped ones.
 */
export function trackingNumber(serial: number): string {
  if (!Number.isInteger(serial) || serial < 0 || serial > 99_999_999)
    throw new RangeError(`serial must have at most eight digits, got ${serial}`);
  const digits = String(serial).padStart(8, '0');
  return `CF${digits}${checkDigit(digits)}DE`;
}

function checkDigit(digits: string): number {
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(digits[index]), 0);
  const rest = 11 - (sum % 11);
  if (rest === 10) return 0;
  return rest === 11 ? 5 : rest;
}
