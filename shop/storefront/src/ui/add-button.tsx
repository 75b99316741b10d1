import { useEffect, useState } from 'react';
import type { Product } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { MAX_QUANTITY } from '../cart/guest-cart.ts';
import { useCart, useChangeLine } from '../cart/use-cart.ts';

const SHOWN_MS = 2_500;

interface Props {
  readonly product: Pick<Product, 'id' | 'name'>;
  readonly quantity?: number;
  readonly isSmall?: boolean;
}

/** Puts a product into the basket, says so, and says why when it could not. */
export function AddButton({ product, quantity = 1, isSmall = false }: Props) {
  const { lines = [] } = useCart();
  const change = useChangeLine();
  const [isShown, show] = useState(false);
  const { isSuccess, isError, submittedAt } = change;
  useEffect(() => {
    if (!isSuccess || submittedAt === 0) return;
    show(true);
    const timer = setTimeout(() => show(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isSuccess, submittedAt]);

  const add = () => {
    const before = lines.find(({ productId }) => productId === product.id)?.quantity ?? 0;
    change.mutate({ productId: product.id, quantity: Math.min(before + quantity, MAX_QUANTITY) });
  };
  return (
    <span className="add">
      <button
        type="button"
        className={isSmall ? 'button button-small' : 'button button-large'}
        onClick={add}
        aria-label={isSmall ? `Add ${product.name} to basket` : undefined}
      >
        {isShown ? 'Added' : isSmall ? 'Add' : 'Add to basket'}
      </button>
      <span className="visually-hidden" role="status">
        {isShown && `${product.name} is in your basket`}
      </span>
      {isError && (
        <span className="field-error" role="alert">
          Not added. {wordsOf(change.error)}
        </span>
      )}
    </span>
  );
}
