import { Link } from 'wouter';
import { formatMoney } from '../api/money.ts';
import type { ProductCard as Card } from '../api/types.ts';
import { AddButton } from './add-button.tsx';

/** `isFirst`: on the screen as soon as the page is, so that its picture is wanted at once. */
export function ProductCard({ product, isFirst = false }: { product: Card; isFirst?: boolean }) {
  const { id, name, price, thumbnailUrl, available } = product;
  return (
    <li className="card">
      <Link href={`/p/${id}`} className="card-link">
        <img
          className={available ? 'card-picture' : 'card-picture is-gone'}
          src={thumbnailUrl}
          alt=""
          width={240}
          height={240}
          loading={isFirst ? 'eager' : 'lazy'}
          decoding="async"
        />
        <span className="card-name">{name}</span>
      </Link>
      <div className="card-foot">
        <span className="price">{formatMoney(price)}</span>
        {available ? <AddButton product={product} isSmall /> : <span className="tag">Sold out</span>}
      </div>
    </li>
  );
}

export function ProductGrid({ products, first = 0 }: { products: readonly Card[]; first?: number }) {
  return (
    <ul className="grid">
      {products.map((product, index) => (
        <ProductCard key={product.id} product={product} isFirst={index < first} />
      ))}
    </ul>
  );
}

const PLACES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** As large as what will be there, so that nothing moves when it comes. */
export function GridSkeleton({ count = 8 }: { count?: number }) {
  return (
    <ul className="grid" aria-hidden="true">
      {PLACES.slice(0, count).map((place) => (
        <li className="card" key={place}>
          <div className="card-picture skeleton" />
          <div className="skeleton skeleton-line" />
          <div className="skeleton skeleton-short" />
        </li>
      ))}
    </ul>
  );
}
