import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { productsQuery, readSearch, type Search, SORTS, type Sort, writeSearch } from '../api/catalogue.ts';
import { Failure } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { GridSkeleton, ProductGrid } from '../ui/product-card.tsx';

export default function SearchPage() {
  const search = readSearch(new URLSearchParams(useSearch()));
  const [, navigate] = useLocation();
  const change = (part: Partial<Search>) => navigate(writeSearch({ ...search, ...part }));
  const title = search.q === '' ? 'All products' : `“${search.q}”`;
  return (
    <>
      <PageHead title={title} canonical={writeSearch(search)} />
      <h1>{title}</h1>
      <div className="with-side">
        <Filters search={search} onChange={change} />
        <Results search={search} />
      </div>
    </>
  );
}

const NO_FILTERS = readSearch(new URLSearchParams());

interface FiltersProps {
  readonly search: Search;
  readonly onChange: (part: Partial<Search>) => void;
}

function Filters({ search, onChange }: FiltersProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const limit = (name: string) => readSearch(new URLSearchParams({ min: String(data.get(name)) })).minPrice;
    onChange({ minPrice: limit('min'), maxPrice: limit('max') });
  };
  const isFiltered = writeSearch(search) !== writeSearch({ ...NO_FILTERS, q: search.q, sort: search.sort });
  const [isOpen, setOpen] = useState(isFiltered);
  return (
    <aside className={isOpen ? 'filters is-open' : 'filters'} aria-label="Filters">
      <label className="select">
        <span>Sort by</span>
        <select value={search.sort} onChange={(event) => onChange({ sort: event.target.value as Sort })}>
          {Object.entries(SORTS).map(([sort, name]) => (
            <option key={sort} value={sort}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="button button-quiet filters-switch"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        Filters
      </button>
      <form className="filters-more" onSubmit={submit} key={`${search.minPrice}-${search.maxPrice}`}>
        <fieldset className="range">
          <legend>Price in euro</legend>
          <label>
            <span className="visually-hidden">Lowest price</span>
            <input
              name="min"
              inputMode="numeric"
              pattern="[0-9]{0,7}"
              placeholder="from"
              defaultValue={search.minPrice}
            />
          </label>
          <span aria-hidden="true">–</span>
          <label>
            <span className="visually-hidden">Highest price</span>
            <input
              name="max"
              inputMode="numeric"
              pattern="[0-9]{0,7}"
              placeholder="to"
              defaultValue={search.maxPrice}
            />
          </label>
          <button type="submit" className="button button-quiet button-small">
            Apply
          </button>
        </fieldset>
      </form>
      <label className="check filters-more">
        <input
          type="checkbox"
          checked={search.inStock}
          onChange={(event) => onChange({ inStock: event.target.checked })}
        />
        <span>In stock only</span>
      </label>
      {(isFiltered || search.sort !== '') && (
        <Link href={writeSearch({ ...NO_FILTERS, q: search.q })} className="clear">
          Clear all filters
        </Link>
      )}
    </aside>
  );
}

function Results({ search }: { search: Search }) {
  const found = useInfiniteQuery(productsQuery(search));
  if (found.isPending)
    return (
      <div className="results">
        <p className="fine" role="status">
          Looking …
        </p>
        <GridSkeleton />
      </div>
    );
  if (!found.data)
    return (
      <Failure error={found.error} what="The search did not work" onRetry={() => void found.refetch()} />
    );
  const products = found.data.pages.flatMap(({ items }) => items);
  if (products.length === 0) return <Nothing search={search} />;
  return (
    <div className="results">
      <p className="fine" role="status">
        {found.hasNextPage
          ? `The first ${products.length} products`
          : products.length === 1
            ? 'One product'
            : `${products.length} products`}
      </p>
      <ProductGrid products={products} first={6} />
      {found.isFetchNextPageError && <Failure error={found.error} what="More products could not be loaded" />}
      {found.hasNextPage && (
        <button
          type="button"
          className="button button-quiet centred"
          disabled={found.isFetchingNextPage}
          onClick={() => void found.fetchNextPage()}
        >
          {found.isFetchingNextPage ? 'Loading …' : 'Show more'}
        </button>
      )}
    </div>
  );
}

function Nothing({ search }: { search: Search }) {
  return (
    <Notice
      kind="info"
      title={search.q === '' ? 'No product has these filters' : `No products found for “${search.q}”`}
    >
      <p>
        Try fewer or other words, or <Link href="/search">browse all products</Link>.
      </p>
    </Notice>
  );
}
