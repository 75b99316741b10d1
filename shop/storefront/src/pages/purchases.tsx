import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { ordersQuery } from '../api/account.ts';
import { formatMoney } from '../api/money.ts';
import type { Order } from '../api/types.ts';
import { formatTime } from '../orders/time.ts';
import { statusWords } from '../orders/words.ts';
import { useUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { SignInFirst } from '../ui/sign-in-first.tsx';
import { UserUnknown } from '../ui/user-unknown.tsx';

export default function PurchasesPage() {
  const { user } = useUser();
  return (
    <>
      <PageHead title="Your orders" />
      <h1>Your orders</h1>
      {user ? <Orders /> : user === null ? <SignInFirst what="see your orders" /> : <UserUnknown />}
    </>
  );
}

function Orders() {
  const orders = useInfiniteQuery(ordersQuery);
  if (orders.isError && !orders.data)
    return (
      <Failure
        error={orders.error}
        what="Your orders cannot be shown"
        onRetry={() => void orders.refetch()}
      />
    );
  if (!orders.data) return <div className="skeleton skeleton-block" aria-hidden="true" />;
  const all = orders.data.pages.flatMap(({ items }) => items);
  if (all.length === 0)
    return (
      <div className="empty">
        <p className="lead">You have not ordered anything yet.</p>
        <Link href="/search" className="button">
          Browse all products
        </Link>
      </div>
    );
  return (
    <>
      <ul className="orders">
        {all.map((order) => (
          <OrderRow key={order.id} order={order} />
        ))}
      </ul>
      {orders.hasNextPage && (
        <button
          type="button"
          className="button button-quiet centred"
          disabled={orders.isFetchingNextPage}
          onClick={() => void orders.fetchNextPage()}
        >
          {orders.isFetchingNextPage ? 'Loading …' : 'Show older orders'}
        </button>
      )}
    </>
  );
}

const SHOWN = 3;

function OrderRow({ order }: { order: Order }) {
  const names = order.items.map(({ name, quantity }) => (quantity > 1 ? `${quantity} × ${name}` : name));
  const more = names.length - SHOWN;
  return (
    <li>
      <Link href={`/purchases/${order.id}`} className="order-row">
        <span className="order-what">
          {names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')}
        </span>
        <span className="fine">{formatTime(order.createdAt)}</span>
        <span className={`status status-${order.status}`}>{statusWords(order.status)}</span>
        <span className="price">{formatMoney(order.total)}</span>
      </Link>
    </li>
  );
}
