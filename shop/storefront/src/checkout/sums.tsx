import { formatMoney } from '../api/money.ts';
import type { Quote } from '../api/types.ts';

/** What is charged and why, line by line. */
export function Sums({ quote, isOld }: { quote: Quote; isOld: boolean }) {
  return (
    <div className={isOld ? 'is-old' : undefined} aria-busy={isOld}>
      <ul className="quote-lines">
        {quote.lines.map(({ productId, name, quantity, total, discounts }) => (
          <li key={productId}>
            <span>
              {quantity} × {name}
              {discounts.map(({ code, name: why }) => (
                <span className="saving" key={code}>
                  {why}
                </span>
              ))}
            </span>
            <span className="price">{formatMoney(total)}</span>
          </li>
        ))}
      </ul>
      <dl className="sums">
        {quote.discounts.map(({ code, name, amount }) => (
          <div key={code} className="saving-row">
            <dt>{name}</dt>
            <dd>−{formatMoney(amount)}</dd>
          </div>
        ))}
        <div>
          <dt>Shipping</dt>
          <dd>{quote.shipping.amountMinor === 0 ? 'free' : formatMoney(quote.shipping)}</dd>
        </div>
        <div>
          <dt>Tax included</dt>
          <dd>{formatMoney(quote.tax)}</dd>
        </div>
        <div className="sum-total">
          <dt>Total</dt>
          <dd aria-live="polite">{formatMoney(quote.total)}</dd>
        </div>
      </dl>
    </div>
  );
}
