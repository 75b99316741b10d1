import type { FormEvent } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { readSearch, writeSearch } from '../api/catalogue.ts';
import { useCart } from '../cart/use-cart.ts';
import { logIn, useUser } from '../session/use-user.ts';
import { Icon } from './icon.tsx';

export function Header() {
  return (
    <header className="header">
      <div className="header-in">
        <Link href="/" className="wordmark">
          <svg viewBox="0 0 48 48" width="36" height="36" aria-hidden="true" focusable="false">
            <path d="M24 5v28H8z" className="sail" />
            <path d="M27 13v20h12z" className="sail-two" />
            <path d="M5 36h38c-2.5 5-6.5 7.5-11.5 7.5h-15C11.5 43.5 7.5 41 5 36z" className="hull" />
          </svg>
          Flotilla
        </Link>
        <SearchForm />
        <nav aria-label="Shop">
          <Link href="/purchases" className="nav-link">
            <Icon name="box" />
            <span>Orders</span>
          </Link>
          <AccountLink />
          <BasketLink />
        </nav>
      </div>
    </header>
  );
}

function SearchForm() {
  const [path, navigate] = useLocation();
  const search = readSearch(new URLSearchParams(useSearch()));
  const q = path === '/search' ? search.q : '';
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget).get('q');
    const base = path === '/search' ? search : readSearch(new URLSearchParams());
    navigate(writeSearch({ ...base, q: String(typed ?? '').trim() }));
  };
  return (
    <search className="search">
      <form action="/search" onSubmit={submit} key={q}>
        <label className="visually-hidden" htmlFor="q">
          Search the shop
        </label>
        <input
          id="q"
          name="q"
          type="search"
          defaultValue={q}
          placeholder="Kettle, merino, desk …"
          maxLength={200}
        />
        <button type="submit" aria-label="Search">
          <Icon name="search" />
        </button>
      </form>
    </search>
  );
}

function AccountLink() {
  const { user } = useUser();
  if (user === null)
    return (
      <button type="button" className="nav-link" onClick={() => logIn()}>
        <Icon name="person" />
        <span>Sign in</span>
      </button>
    );
  return (
    <Link href="/account" className="nav-link">
      <Icon name="person" />
      <span className="nav-name">{user?.name ?? 'Account'}</span>
    </Link>
  );
}

function BasketLink() {
  const { lines = [] } = useCart();
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return (
    <Link href="/basket" className="nav-link">
      <span className="badge-place">
        <Icon name="basket" />
        {count > 0 && (
          <span className="badge" aria-hidden="true">
            {count > 99 ? '99+' : count}
          </span>
        )}
      </span>
      <span>Basket</span>
      <span className="visually-hidden" aria-live="polite">
        {count === 0 ? ', empty' : `, ${count} ${count === 1 ? 'item' : 'items'}`}
      </span>
    </Link>
  );
}
