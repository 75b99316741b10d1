import { useChangeLine } from '../cart/use-cart.ts';
import type { KnownLine } from '../cart/use-lines.ts';
import { Notice } from '../ui/notice.tsx';

/** Sold out since it was put into the basket: which line, how many are left, and one click to go on. */
export function ShortLines({ lines }: { lines: readonly KnownLine[] }) {
  const change = useChangeLine();
  if (lines.length === 0) return null;
  return (
    <Notice kind="warning" title="Some products are no longer in stock in this quantity">
      <ul className="short">
        {lines.map(({ productId, product, left = 0 }) => (
          <li key={productId}>
            {product?.name ?? productId}: {left === 0 ? 'sold out' : `only ${left} left`}{' '}
            <button
              type="button"
              className="link"
              onClick={() => change.mutate({ productId, quantity: left })}
            >
              {left === 0 ? 'Remove it' : `Take ${left}`}
            </button>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
