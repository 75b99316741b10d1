import { useState } from 'react';
import { Link } from 'wouter';
import type { User } from '../api/types.ts';
import { useCart } from '../cart/use-cart.ts';
import { CheckoutForm } from '../checkout/checkout-form.tsx';
import { useUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { SignInFirst } from '../ui/sign-in-first.tsx';
import { UserUnknown } from '../ui/user-unknown.tsx';

export default function CheckoutPage() {
  const { user, isUnknown } = useUser();
  return (
    <>
      <PageHead title="Checkout" />
      <h1>Checkout</h1>
      {user ? (
        <WithCart user={user} />
      ) : isUnknown ? (
        <UserUnknown />
      ) : (
        <SignInFirst what="check out" note="Your basket and what you have typed stay as they are." />
      )}
    </>
  );
}

function WithCart({ user }: { user: User }) {
  const { lines, error, retry } = useCart();
  // What was being paid for stays on the page although the order has emptied the cart meanwhile.
  const [isPlacing, setPlacing] = useState(false);
  if (error && !lines) return <Failure error={error} what="Your basket cannot be shown" onRetry={retry} />;
  if (lines === undefined) return <div className="skeleton skeleton-block" aria-hidden="true" />;
  if (lines.length === 0 && !isPlacing)
    return (
      <div className="empty">
        <p className="lead">Your basket is empty.</p>
        <Link href="/search" className="button">
          Browse all products
        </Link>
        <p>
          Ordered just now? <Link href="/purchases">See your orders</Link>
        </p>
      </div>
    );
  return <CheckoutForm user={user} lines={lines} onPlacing={setPlacing} />;
}
