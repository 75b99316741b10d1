import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { alsoBoughtQuery, availabilityQuery, productQuery } from '../api/catalogue.ts';
import { formatMoney } from '../api/money.ts';
import { RequestError } from '../api/request.ts';
import type { Availability, Product } from '../api/types.ts';
import { AddButton } from '../ui/add-button.tsx';
import { Failure } from '../ui/failure.tsx';
import { PageHead, StructuredData } from '../ui/page-head.tsx';
import { ProductGrid } from '../ui/product-card.tsx';
import { Quantity } from '../ui/quantity.tsx';
import NotFoundPage from './not-found.tsx';

export default function ProductPage({ id }: { id: string }) {
  const product = useQuery(productQuery(id));
  const stock = useQuery(availabilityQuery(id, 1));
  if (product.error instanceof RequestError && [404, 422, 400].includes(product.error.status))
    return <NotFoundPage />;
  if (product.isError)
    return (
      <>
        <PageHead title="Product" />
        <Failure
          error={product.error}
          what="This product cannot be shown"
          onRetry={() => void product.refetch()}
        />
      </>
    );
  return (
    <>
      {product.data ? <About product={product.data} stock={stock.data} /> : <PageHead title="Product" />}
      <article className="product">
        {product.data ? <Picture product={product.data} /> : <div className="product-picture skeleton" />}
        {product.data ? (
          <Facts product={product.data} stock={stock.data} isStockUnknown={stock.isError} />
        ) : (
          <FactsSkeleton />
        )}
      </article>
      <AlsoBought id={id} />
    </>
  );
}

function About({ product, stock }: { product: Product; stock: Availability | undefined }) {
  const { id, name, description, price, imageUrl, available } = product;
  const isThere = stock?.available ?? available;
  const url = `${location.origin}/p/${id}`;
  return (
    <>
      <PageHead title={name} description={description} canonical={`/p/${id}`} />
      <meta property="og:title" content={name} />
      <meta property="og:type" content="product" />
      <StructuredData
        data={{
          '@type': 'Product',
          ...{ name, description, sku: id, url, image: new URL(imageUrl, location.origin).href },
          offers: {
            '@type': 'Offer',
            url,
            price: (price.amountMinor / 100).toFixed(2),
            priceCurrency: price.currency,
            availability: `https://schema.org/${isThere ? 'InStock' : 'OutOfStock'}`,
          },
        }}
      />
    </>
  );
}

function Picture({ product }: { product: Product }) {
  return (
    <img
      className="product-picture"
      src={product.imageUrl}
      alt={product.name}
      width={800}
      height={600}
      fetchPriority="high"
    />
  );
}

interface FactsProps {
  readonly product: Product;
  readonly stock: Availability | undefined;
  readonly isStockUnknown: boolean;
}

function Facts({ product, stock, isStockUnknown }: FactsProps) {
  const [quantity, setQuantity] = useState(1);
  const isThere = stock?.available ?? product.available;
  const isTooMany = stock !== undefined && isThere && quantity > stock.currentStock;
  return (
    <div className="product-facts">
      <h1>{product.name}</h1>
      <p className="price price-large">{formatMoney(product.price)}</p>
      <p className="lead">{product.description}</p>
      <StockLine stock={stock} isThere={isThere} isUnknown={isStockUnknown} />
      {isThere ? (
        <div className="buy">
          <Quantity value={quantity} name={product.name} onChange={setQuantity} />
          <AddButton product={product} quantity={quantity} />
        </div>
      ) : (
        <p>
          It may come back. Meanwhile, <Link href="/search">look at the other products</Link>.
        </p>
      )}
      {isTooMany && (
        <p className="field-error" role="alert">
          Only {stock.currentStock} left.{' '}
          <button type="button" className="link" onClick={() => setQuantity(stock.currentStock)}>
            Take {stock.currentStock}
          </button>
        </p>
      )}
      <ul className="facts">
        <li>Tax and shipping are shown before you pay.</li>
        <li>Cancel for a full refund until your order is confirmed.</li>
      </ul>
    </div>
  );
}

const FEW = 20;

interface StockLineProps {
  readonly stock: Availability | undefined;
  readonly isThere: boolean;
  readonly isUnknown: boolean;
}

function StockLine({ stock, isThere, isUnknown }: StockLineProps) {
  const words = () => {
    if (!isThere) return 'Sold out';
    if (isUnknown) return 'The stock cannot be counted at the moment';
    if (stock === undefined) return 'Counting the stock …';
    return stock.currentStock <= FEW ? `Only ${stock.currentStock} left` : 'In stock';
  };
  return (
    <p className={`stock ${isThere ? 'is-there' : 'is-gone'}`} role="status">
      {words()}
    </p>
  );
}

function FactsSkeleton() {
  return (
    <div className="product-facts" aria-hidden="true">
      <div className="skeleton skeleton-title" />
      <div className="skeleton skeleton-short" />
      <div className="skeleton skeleton-line" />
      <div className="skeleton skeleton-line" />
    </div>
  );
}

/** An extra: without the service that knows it the page is whole. */
function AlsoBought({ id }: { id: string }) {
  const { data } = useQuery(alsoBoughtQuery(id));
  if (!data || data.items.length === 0) return null;
  return (
    <section aria-labelledby="also">
      <div className="section-head">
        <h2 id="also">You may also like</h2>
      </div>
      <ProductGrid products={data.items.slice(0, 4)} />
    </section>
  );
}
