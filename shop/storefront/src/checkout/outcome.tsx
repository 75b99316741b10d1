import { formatMoney } from '../api/money.ts';
import { wordsOf } from '../api/words.ts';
import { useCountdown } from '../ui/failure.tsx';
import { Notice } from '../ui/notice.tsx';
import type { Placed } from './place-order.ts';

/** Why there is no order yet, and what to do. */
export function Outcome({ placed }: { placed: Placed }) {
  const error = placed.kind === 'order' ? undefined : placed.error;
  const seconds = useCountdown(error, error?.retryAfterMs ?? 0);
  if (placed.kind === 'order') return null;
  if (placed.kind === 'changed')
    return (
      <Notice kind="warning" title="The price has changed. Nothing was ordered.">
        <p>
          {placed.quote
            ? `It is ${formatMoney(placed.quote.total)} now. Please look at it, and pay again if you agree.`
            : wordsOf(placed.error)}
        </p>
      </Notice>
    );
  if (placed.kind === 'unknown')
    return (
      <Notice kind="warning" title="We do not know yet whether your order was placed">
        <p>
          {wordsOf(placed.error)} Press the button again{seconds > 0 ? ` in ${seconds} s` : ''}: if the order
          is there already, you will see it, and no second one is made.
        </p>
      </Notice>
    );
  return (
    <Notice kind="error" title="Nothing was ordered">
      <p>{wordsOf(placed.error)}</p>
      {placed.error.errors.length > 0 && <p>Please check the address.</p>}
    </Notice>
  );
}
