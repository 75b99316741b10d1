import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import { orderQuery } from '../api/account.ts';
import { formatMoney } from '../api/money.ts';
import { RequestError, request } from '../api/request.ts';
import type { Order } from '../api/types.ts';
import { wordsOf, wordsOfCode } from '../api/words.ts';
import { Course } from '../orders/course.tsx';
import { formatTime } from '../orders/time.ts';
import { useLiveOrder } from '../orders/use-live-order.ts';
import { isOver } from '../orders/words.ts';
import { useUser } from '../session/use-user.ts';
import { Failure } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import { PageHead } from '../ui/page-head.tsx';
import { SignInFirst } from '../ui/sign-in-first.tsx';
import NotFoundPage from './not-found.tsx';

export default function PurchasePage({ id }: { id: string }) {
  const { user } = useUser();
  if (user === null)
    return (
      <>
        <PageHead title="Your order" />
        <h1>Your order</h1>
        <SignInFirst what="see your order" />
      </>
    );
  return <LiveOrder id={id} />;
}

function LiveOrder({ id }: { id: string }) {
  const { data: order, error, refetch, isLive } = useLiveOrder(id);
  if (!order && error instanceof RequestError && error.status === 404) return <NotFoundPage />;
  return (
    <>
      <PageHead title="Your order" />
      {order ? (
        <Whole order={order} isLive={isLive} isStale={error !== null} />
      ) : error ? (
        <Failure error={error} what="Your order cannot be shown" onRetry={() => void refetch()} />
      ) : (
        <div className="skeleton skeleton-block" aria-hidden="true" />
      )}
    </>
  );
}

function Whole({ order, isLive, isStale }: { order: Order; isLive: boolean; isStale: boolean }) {
  const isNew = useIsNew();
  return (
    <>
      <h1>{headline(order, isNew)}</h1>
      <p className="fine order-facts">
        <span>{formatTime(order.createdAt)}</span>
        <OrderNumber id={order.id} />
      </p>
      <Course order={order} isLive={isLive} />
      {isStale && !isOver(order.status) && (
        <Notice kind="info" title="Updates about your order are delayed">
          <p>Your order goes on all the same. This page checks again by itself.</p>
        </Notice>
      )}
      {order.status === 'Cancelled' && <Why order={order} />}
      <Contents order={order} />
      {!isOver(order.status) && <Cancel id={order.id} />}
      <p>
        <Link href="/search">Continue shopping</Link>, or see <Link href="/purchases">all your orders</Link>.
      </p>
    </>
  );
}

function headline({ status }: Order, isNew: boolean): string {
  if (status === 'Confirmed') return 'It’s yours.';
  if (status === 'Cancelled') return 'This order was cancelled.';
  return isNew ? 'Thank you for your order.' : 'Your order is under way.';
}

/** Somebody comes from the checkout. */
function useIsNew(): boolean {
  const state = useHistoryState<{ readonly isNew?: boolean } | null>();
  return state?.isNew === true;
}

const COPIED_MS = 2_000;

function OrderNumber({ id }: { id: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <span>
      Order <code>{id}</code>{' '}
      <button type="button" className="link" onClick={() => void copy().catch(() => undefined)}>
        {isCopied ? 'Copied' : 'Copy'}
        <span className="visually-hidden"> the order’s number</span>
      </button>
    </span>
  );
}

/** What happened, and the way on. The basket is as it was. */
function Why({ order }: { order: Order }) {
  const { cancellationReason: reason = '' } = order;
  const words = wordsOfCode(reason) ?? 'It could not be completed. Whatever was charged has been refunded.';
  if (reason === 'cancelled-by-customer')
    return (
      <Notice kind="info" title={words}>
        <p>Whatever was charged has been refunded, and what was set aside is for sale again.</p>
      </Notice>
    );
  return (
    <Notice kind="warning" title={words}>
      <p>
        Your basket is as it was. <Link href="/basket">Look at your basket</Link>, or{' '}
        <Link href="/checkout">try {reason === 'payment-declined' ? 'another card' : 'again'}</Link>.
      </p>
    </Notice>
  );
}

function Contents({ order }: { order: Order }) {
  return (
    <section aria-labelledby="contents" className="panel">
      <h2 id="contents">Items</h2>
      <ul className="quote-lines">
        {order.items.map(({ productId, name, quantity, unitPrice }) => (
          <li key={productId}>
            <span>
              {quantity} × <Link href={`/p/${productId}`}>{name}</Link>
            </span>
            <span className="price">
              {formatMoney({ ...unitPrice, amountMinor: unitPrice.amountMinor * quantity })}
            </span>
          </li>
        ))}
      </ul>
      <dl className="sums">
        {order.discounts?.map(({ code, name, amount }) => (
          <div key={code} className="saving-row">
            <dt>{name}</dt>
            <dd>−{formatMoney(amount)}</dd>
          </div>
        ))}
        {order.shipping && (
          <div>
            <dt>Shipping</dt>
            <dd>{order.shipping.amountMinor === 0 ? 'free' : formatMoney(order.shipping)}</dd>
          </div>
        )}
        {order.tax && (
          <div>
            <dt>Tax included</dt>
            <dd>{formatMoney(order.tax)}</dd>
          </div>
        )}
        <div className="sum-total">
          <dt>Total</dt>
          <dd>{formatMoney(order.total)}</dd>
        </div>
      </dl>
    </section>
  );
}

/** Asks first: there is no way back. */
function Cancel({ id }: { id: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => request<Order>(`/orders/${encodeURIComponent(id)}/cancel`, { method: 'POST' }),
    onSuccess: (order) => client.setQueryData(orderQuery(id).queryKey, order),
    onSettled: () => {
      dialog.current?.close();
      client.invalidateQueries({ queryKey: orderQuery(id).queryKey }).catch(() => undefined);
    },
  });
  return (
    <>
      <p>
        <button type="button" className="button button-quiet" onClick={() => dialog.current?.showModal()}>
          Cancel this order
        </button>
      </p>
      {cancel.isError && (
        <Notice kind="error" title="The order was not cancelled">
          <p>{wordsOf(cancel.error)}</p>
        </Notice>
      )}
      <dialog ref={dialog} className="dialog" aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel this order?</h2>
        <p>What was charged is refunded, and what was set aside for you is for sale again.</p>
        <p className="dialog-buttons">
          <button
            type="button"
            className="button"
            onClick={() => cancel.mutate()}
            disabled={cancel.isPending}
          >
            {cancel.isPending ? 'Cancelling …' : 'Cancel the order'}
          </button>
          <button type="button" className="button button-quiet" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
        </p>
      </dialog>
    </>
  );
}
