/** An amount in minor units (cents) of an ISO 4217 currency. Integers only: money is never a float. */
export interface Money {
  readonly amountMinor: number;
  readonly currency: string;
}

/** Throws `RangeError` unless the amount is a safe integer and the currency three capital letters. */
export function money(amountMinor: number, currency: string): Money {
  if (!Number.isSafeInteger(amountMinor))
    throw new RangeError(`amountMinor must be a safe integer, got ${amountMinor}`);
  if (!/^[A-Z]{3}$/.test(currency))
    throw new RangeError(`currency must be an ISO 4217 code, got ${currency}`);
  return { amountMinor, currency };
}

export function multiplyMoney(unit: Money, quantity: number): Money {
  return money(unit.amountMinor * quantity, unit.currency);
}

/** Sums amounts of one currency; throws `RangeError` for mixed currencies or an empty list without `currency`. */
export function sumMoney(amounts: readonly Money[], currency?: string): Money {
  const unit = currency ?? amounts[0]?.currency;
  if (unit === undefined) throw new RangeError('the sum of no amounts needs a currency');
  let total = 0;
  for (const amount of amounts) {
    if (amount.currency !== unit) throw new RangeError(`cannot add ${amount.currency} to ${unit}`);
    total += amount.amountMinor;
  }
  return money(total, unit);
}
