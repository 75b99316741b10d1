import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { homeQuery, productsQuery, readSearch, writeSearch } from '../api/catalogue.ts';
import { formatMoney } from '../api/money.ts';
import type { Home, ProductCard } from '../api/types.ts';
import { statusWords } from '../orders/words.ts';
import { noteUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { Icon } from '../ui/icon.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHead, StructuredData } from '../ui/page-head.tsx';
import { GridSkeleton, ProductGrid } from '../ui/product-card.tsx';

const EVERYTHING = readSearch(new URLSearchParams());
const SHOWN = 8;

export function HomePage() {
  const home = useQuery(homeQuery);
  const client = useQueryClient();
  const isKnown = !!home.data?.user;
  useEffect(() => {
    if (isKnown) noteUser(client);
  }, [isKnown, client]);
  // Without the page's own service the catalogue still says what there is.
  const isPartless = home.isError || home.data?.featuredProducts === null;
  const catalogue = useInfiniteQuery({ ...productsQuery(EVERYTHING), enabled: isPartless });
  const featured = home.data?.featuredProducts ?? catalogue.data?.pages[0]?.items;
  return (
    <>
      <PageHead title="Good things, few of them" canonical="/" />
      <StructuredData data={SITE} />
      <Hero products={featured ?? []} />
      {home.data && <RecentOrders home={home.data} />}
      <section aria-labelledby="featured">
        <div className="section-head">
          <h2 id="featured">Featured</h2>
          <Link href="/search" className="more">
            All products <Icon name="arrow" />
          </Link>
        </div>
        {featured ? (
          <ProductGrid products={featured.slice(0, SHOWN)} first={4} />
        ) : catalogue.isError ? (
          <Failure
            error={catalogue.error}
            what="The catalogue cannot be shown"
            onRetry={() => void catalogue.refetch()}
          />
        ) : (
          <GridSkeleton />
        )}
      </section>
      <Collections />
      <Recommended products={home.data?.recommendations ?? []} />
      <Promises />
    </>
  );
}

const SITE = {
  '@type': 'WebSite',
  name: 'Flotilla',
  url: location.origin,
  potentialAction: {
    '@type': 'SearchAction',
    target: `${location.origin}/search?q={q}`,
    'query-input': 'required name=q',
  },
};

function Hero({ products }: { products: readonly ProductCard[] }) {
  return (
    <section className="hero" aria-labelledby="hero">
      <div className="hero-words">
        <h1 id="hero">Good things, few&nbsp;of&nbsp;them.</h1>
        <p>
          Tools for the kitchen, the desk and the hills that are made to be kept. What you see is in stock,
          what you agree to is charged, and you can watch your order until it sails.
        </p>
        <Link href="/search" className="button button-large">
          Browse all products
        </Link>
      </div>
      <div className="hero-pictures" aria-hidden="true">
        {products.slice(0, 3).map(({ id, imageUrl }) => (
          <img
            key={id}
            src={imageUrl}
            alt=""
            width={400}
            height={300}
            decoding="async"
            fetchPriority="high"
          />
        ))}
      </div>
    </section>
  );
}

function RecentOrders({ home }: { home: Home }) {
  if (home.user === null) return null;
  if (home.recentOrders === null)
    return (
      <Notice kind="info" title="Your orders cannot be shown at the moment">
        <p>They are safe, and go on. You can look around and fill your basket.</p>
      </Notice>
    );
  if (home.recentOrders.length === 0) return null;
  return (
    <section aria-labelledby="recent">
      <div className="section-head">
        <h2 id="recent">Welcome back{home.user.name && `, ${home.user.name}`}</h2>
        <Link href="/purchases" className="more">
          All orders <Icon name="arrow" />
        </Link>
      </div>
      <ul className="recent">
        {home.recentOrders.slice(0, 3).map(({ id, status, total }) => (
          <li key={id}>
            <Link href={`/purchases/${id}`} className="recent-order">
              <span className={`status status-${status}`}>{statusWords(status)}</span>
              <span className="price">{formatMoney(total)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

const COLLECTIONS = [
  { name: 'Coffee corner', q: 'coffee', tone: 'clay' },
  { name: 'Oak, ash and walnut', q: 'walnut', tone: 'moss' },
  { name: 'Merino and down', q: 'merino', tone: 'sea' },
  { name: 'Charged by USB-C', q: 'USB-C', tone: 'dusk' },
] as const;

function Collections() {
  return (
    <section aria-labelledby="collections">
      <div className="section-head">
        <h2 id="collections">Shop by theme</h2>
      </div>
      <ul className="collections">
        {COLLECTIONS.map(({ name, q, tone }) => (
          <li key={q}>
            <Link href={writeSearch({ ...EVERYTHING, q })} className={`collection tone-${tone}`}>
              <span>{name}</span>
              <Icon name="arrow" />
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Recommended({ products }: { products: readonly ProductCard[] }) {
  if (products.length === 0) return null;
  return (
    <section aria-labelledby="recommended">
      <div className="section-head">
        <h2 id="recommended">You may also like</h2>
      </div>
      <ProductGrid products={products.slice(0, 4)} />
    </section>
  );
}

function Promises() {
  return (
    <ul className="promises">
      <li>
        <h3>Stock that is true</h3>
        <p>Counted while you look. Nothing is sold twice.</p>
      </li>
      <li>
        <h3>The price you saw</h3>
        <p>If it changes before you pay, you are asked again.</p>
      </li>
      <li>
        <h3>An end to every order</h3>
        <p>Confirmed, or cancelled with everything given back.</p>
      </li>
    </ul>
  );
}
