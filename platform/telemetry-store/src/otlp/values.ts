/** What JSON cannot say as a number is kept as text, so that one attribute never breaks a page. */
export function plainDouble(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** A whole number beyond 2^53 is text: as a number it would be another one. */
export function plainInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

const MOST_NS = 9_223_372_036_854_775_807n;

/** Nanoseconds as SQLite holds them; what is later than the year 2262 is the last of it. */
export function storableNs(value: bigint): bigint {
  return value > MOST_NS ? MOST_NS : value < 0n ? 0n : value;
}
