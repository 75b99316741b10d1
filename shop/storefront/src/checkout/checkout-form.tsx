import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { formatMoney } from '../api/money.ts';
import { RequestError } from '../api/request.ts';
import type { Address, CartLine, Quote, User } from '../api/types.ts';
import { wordsOf } from '../api/words.ts';
import { shortOf, useLines } from '../cart/use-lines.ts';
import { tellOtherTabs } from '../session/other-tabs.ts';
import { Failure } from '../ui/failure.tsx';
import { AddressBook } from './address-book.tsx';
import { AddressFields, keepDraft, readDraft, trimmed } from './address-fields.tsx';
import { CardChoice } from './card-choice.tsx';
import { Coupon } from './coupon.tsx';
import { intentFor } from './intent.ts';
import { unansweredIntent } from './intent-storage.ts';
import { Outcome } from './outcome.tsx';
import { placeOrder } from './place-order.ts';
import { ShortLines } from './short-lines.tsx';
import { Sums } from './sums.tsx';
import { useQuote } from './use-quote.ts';

interface Props {
  readonly user: User;
  readonly lines: readonly CartLine[];
  readonly onPlacing: (isPlacing: boolean) => void;
}

const COUPON_PROBLEMS = ['coupon-unknown', 'coupon-expired', 'coupon-used'];

export function CheckoutForm({ user, lines, onPlacing }: Props) {
  const [address, setAddress] = useState<Address>(() => ({
    ...readDraft(),
    name: readDraft().name || (user.name ?? ''),
  }));
  const [token, setToken] = useState('tok_ok');
  const [coupon, setCoupon] = useState<string>();
  const withCode = useQuote({ lines, country: address.country, coupon });
  const couponError = problemOfCoupon(withCode.query.error);
  // A code that is refused changes nothing: the order costs what it costs without one.
  const isWanted = couponError !== undefined;
  const plain = useQuote({ lines, country: address.country, coupon: undefined, isWanted });
  const { query, replace } = isWanted ? plain : withCode;
  const short = shortOf(useLines(lines).known);
  const place = usePlaceOrder(user, lines, replace, onPlacing);
  const quote = query.isError ? undefined : query.data;

  const change = (next: Address) => {
    setAddress(next);
    keepDraft(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!quote || query.isPlaceholderData || place.isPending) return;
    const body = {
      payment: { token },
      shippingAddress: trimmed(address),
      quoteId: quote.id,
      ...(coupon && !isWanted && { coupon }),
    };
    place.mutate(body);
  };
  const refused = place.data?.kind === 'refused' ? place.data.error : undefined;
  return (
    <div className="with-summary">
      <form id="order" className="steps" onSubmit={submit}>
        <fieldset>
          <legend>
            <h2>Delivery address</h2>
          </legend>
          <AddressBook isUntouched={!address.line1 && !address.city} onChoose={change} />
          <AddressFields value={address} onChange={change} error={refused} />
        </fieldset>
        <fieldset>
          <legend>
            <h2>Payment</h2>
          </legend>
          <CardChoice value={token} onChange={setToken} />
        </fieldset>
      </form>
      <aside className="summary" aria-label="Order summary">
        <h2>Order summary</h2>
        {quote && <Sums quote={quote} isOld={query.isPlaceholderData} />}
        {query.isPending && <div className="skeleton skeleton-block" aria-hidden="true" />}
        {query.isError && (
          <Failure
            error={query.error}
            what="The price cannot be calculated"
            onRetry={() => void query.refetch()}
          />
        )}
        <Coupon key={coupon ?? ''} applied={coupon} error={couponError} onApply={setCoupon} />
        <ShortLines lines={short} />
        {place.data && <Outcome placed={place.data} />}
        {place.isError && <Failure error={place.error} />}
        <PayButton
          quote={quote}
          isBusy={place.isPending}
          isBlocked={short.length > 0 || query.isPlaceholderData}
        />
        <p className="fine">You are charged once everything is reserved for you.</p>
      </aside>
    </div>
  );
}

interface PayButtonProps {
  readonly quote: Quote | undefined;
  readonly isBusy: boolean;
  readonly isBlocked: boolean;
}

function PayButton({ quote, isBusy, isBlocked }: PayButtonProps) {
  return (
    <button
      type="submit"
      form="order"
      className="button button-large wide"
      disabled={!quote || isBlocked}
      aria-disabled={isBusy || undefined}
    >
      {isBusy ? 'Placing your order …' : quote ? `Pay ${formatMoney(quote.total)}` : 'Pay'}
    </button>
  );
}

/** Goes to the order as soon as there is one; a new price is shown, and asked for again. */
function usePlaceOrder(
  user: User,
  lines: readonly CartLine[],
  replace: (quote: Quote | undefined) => void,
  onPlacing: (isPlacing: boolean) => void,
) {
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: async (body: Parameters<typeof intentFor>[1]['body']) => {
      onPlacing(true);
      const wanted = { userId: user.id, lines, body };
      return await placeOrder(intentFor(unansweredIntent(user.id), wanted, () => crypto.randomUUID()));
    },
    onSuccess: (placed) => {
      if (placed.kind === 'order') {
        tellOtherTabs('cart');
        navigate(`/purchases/${placed.orderId}`, { state: { isNew: true } });
        return;
      }
      onPlacing(false);
      if (placed.kind === 'changed') replace(placed.quote);
    },
    onError: () => onPlacing(false),
  });
}

function problemOfCoupon(error: unknown): string | undefined {
  const isOfCoupon = error instanceof RequestError && COUPON_PROBLEMS.includes(error.code);
  return isOfCoupon ? wordsOf(error) : undefined;
}
