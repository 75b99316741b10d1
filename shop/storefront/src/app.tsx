import { useQueryClient } from '@tanstack/react-query';
import { Component, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { useTakeOver } from './cart/use-take-over.ts';
import { HomePage } from './pages/home.tsx';
import { PAGES } from './pages/pages.ts';
import { useOtherTabs } from './session/other-tabs.ts';
import { takeStartedLogin, useUser } from './session/use-user.ts';
import { Footer } from './ui/footer.tsx';
import { Header } from './ui/header.tsx';
import { Notice } from './ui/notice.tsx';

const SearchPage = lazy(PAGES.search);
const ProductPage = lazy(PAGES.product);
const BasketPage = lazy(PAGES.basket);
const CheckoutPage = lazy(PAGES.checkout);
const PurchasesPage = lazy(PAGES.purchases);
const PurchasePage = lazy(PAGES.purchase);
const AccountPage = lazy(PAGES.account);
const NotFoundPage = lazy(PAGES.notFound);

export function App() {
  useOtherTabs();
  const { isLeft } = useTakeOver();
  const [path] = useLocation();
  const main = useFocusOnNavigation(path);
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Header />
      <main id="content" ref={main} tabIndex={-1}>
        <LoginNotice />
        {isLeft && (
          <Notice kind="warning" title="Some of your basket has not been moved to your account yet">
            <p>It stays in this browser, and is moved when you load a page again.</p>
          </Notice>
        )}
        <Boundary key={path}>
          <Suspense fallback={<div className="page-wait" role="status" aria-label="Loading" />}>
            <Switch>
              <Route path="/" component={HomePage} />
              <Route path="/search" component={SearchPage} />
              <Route path="/p/:id">{({ id }) => <ProductPage key={id} id={id} />}</Route>
              <Route path="/basket" component={BasketPage} />
              <Route path="/checkout" component={CheckoutPage} />
              <Route path="/purchases" component={PurchasesPage} />
              <Route path="/purchases/:id">{({ id }) => <PurchasePage key={id} id={id} />}</Route>
              <Route path="/account" component={AccountPage} />
              <Route component={NotFoundPage} />
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <Footer />
    </>
  );
}

/** A new page begins at its top, and screen readers begin to read it. */
function useFocusOnNavigation(path: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}

/** Some browsers keep no secure cookie of a page without TLS: they are told, once, in the place of a loop. */
function LoginNotice() {
  const { user, isUnknown } = useUser();
  const [cameBack] = useState(takeStartedLogin);
  const client = useQueryClient();
  if (!cameBack || isUnknown || user !== null || client.isFetching({ queryKey: ['user'] }) > 0) return null;
  return (
    <Notice kind="warning" title="You are not signed in">
      <p>
        If you did sign in just now, this browser did not keep the cookie. Safari does so on pages without
        encryption: open the shop by https, or in another browser.
      </p>
    </Notice>
  );
}

interface BoundaryState {
  readonly failed: boolean;
}

/** A fault of a page, or a part of it that cannot be loaded, leaves the rest of the shop usable. */
class Boundary extends Component<{ children: ReactNode }, BoundaryState> {
  override state: BoundaryState = { failed: false };

  static getDerivedStateFromError(): BoundaryState {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice kind="error" title="This page could not be shown">
        <button type="button" className="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </Notice>
    );
  }
}
