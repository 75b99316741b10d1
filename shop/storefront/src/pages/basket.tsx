import { Link, useLocation } from 'wouter';
import { formatMoney, totalOf } from '../api/money.ts';
import { wordsOf } from '../api/words.ts';
import { useCart, useChangeLine } from '../cart/use-cart.ts';
import { type KnownLine, shortOf, useLines } from '../cart/use-lines.ts';
import { logIn, useUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { Icon } from '../ui/icon.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { Quantity } from '../ui/quantity.tsx';

export default function BasketPage() {
  const { lines, error, retry } = useCart();
  return (
    <>
      <PageHead title="Basket" />
      <h1>Your basket</h1>
      {error ? (
        <Failure error={error} what="Your basket cannot be shown" onRetry={retry} />
      ) : lines === undefined ? (
        <div className="skeleton skeleton-block" aria-hidden="true" />
      ) : lines.length === 0 ? (
        <Empty />
      ) : (
        <Filled lines={lines} />
      )}
    </>
  );
}

function Empty() {
  return (
    <div className="empty">
      <p className="lead">It is empty so far.</p>
      <Link href="/search" className="button">
        Browse all products
      </Link>
    </div>
  );
}

function Filled({ lines }: { lines: NonNullable<ReturnType<typeof useCart>['lines']> }) {
  const { known, isComplete } = useLines(lines);
  const sum = isComplete
    ? totalOf(known.flatMap(({ product, quantity }) => (product ? [{ price: product.price, quantity }] : [])))
    : undefined;
  const short = shortOf(known);
  return (
    <div className="with-summary">
      <ul className="lines">
        {known.map((line) => (
          <Line key={line.productId} line={line} />
        ))}
      </ul>
      <aside className="summary" aria-label="Summary">
        <dl className="sums">
          <div>
            <dt>Products</dt>
            <dd aria-live="polite">{sum ? formatMoney(sum) : '…'}</dd>
          </div>
          <div>
            <dt>Shipping, tax and discounts</dt>
            <dd>at checkout</dd>
          </div>
        </dl>
        <ToCheckout isShort={short.length > 0} />
      </aside>
    </div>
  );
}

function ToCheckout({ isShort }: { isShort: boolean }) {
  const { user } = useUser();
  const [, navigate] = useLocation();
  if (isShort) return <p className="field-error">Please change or remove what is sold out first.</p>;
  if (user === null)
    return (
      <>
        <button type="button" className="button button-large wide" onClick={() => logIn('/checkout')}>
          Sign in and check out
        </button>
        <p className="fine">
          Your basket comes with you. No account? <Link href="/account">Create one</Link>.
        </p>
      </>
    );
  return (
    <button type="button" className="button button-large wide" onClick={() => navigate('/checkout')}>
      Check out <Icon name="arrow" />
    </button>
  );
}

function Line({ line }: { line: KnownLine }) {
  const { productId, quantity, product, left, isGone } = line;
  const change = useChangeLine();
  const name = product?.name ?? productId;
  const set = (next: number) => change.mutate({ productId, quantity: next });
  return (
    <li className="line">
      <Link href={`/p/${productId}`} className="line-picture" tabIndex={-1} aria-hidden="true">
        {product && <img src={product.thumbnailUrl} alt="" width={96} height={96} loading="lazy" />}
      </Link>
      <div className="line-words">
        <Link href={`/p/${productId}`} className="line-name">
          {name}
        </Link>
        {product && <p className="fine">{formatMoney(product.price)} each</p>}
        {isGone && <p className="field-error">This product is no longer sold.</p>}
        {!isGone && left !== undefined && left < quantity && (
          <p className="field-error" role="alert">
            {left === 0 ? 'Sold out. ' : `Only ${left} left. `}
            {left > 0 && (
              <button type="button" className="link" onClick={() => set(left)}>
                Take {left}
              </button>
            )}
          </p>
        )}
        {change.isError && (
          <p className="field-error" role="alert">
            Not changed. {wordsOf(change.error)}
          </p>
        )}
      </div>
      <div className="line-end">
        <Quantity value={quantity} name={name} onChange={set} />
        <p className="price">
          {product && formatMoney({ ...product.price, amountMinor: product.price.amountMinor * quantity })}
        </p>
        <button type="button" className="link" onClick={() => set(0)}>
          Remove<span className="visually-hidden"> {name}</span>
        </button>
      </div>
    </li>
  );
}
