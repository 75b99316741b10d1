import { type ChangeEvent, useEffect, useId, useState } from 'react';
import { MAX_QUANTITY } from '../cart/guest-cart.ts';

interface Props {
  readonly value: number;
  readonly name: string;
  readonly onChange: (quantity: number) => void;
  readonly min?: number;
}

/** A number with a button on either side. What is typed counts when somebody leaves the field or presses Enter. */
export function Quantity({ value, name, onChange, min = 1 }: Props) {
  const id = useId();
  const [typed, setTyped] = useState(String(value));
  useEffect(() => setTyped(String(value)), [value]);
  const commit = () => {
    const wanted = Number.parseInt(typed, 10);
    const next = Number.isNaN(wanted) ? value : Math.min(Math.max(wanted, min), MAX_QUANTITY);
    setTyped(String(next));
    if (next !== value) onChange(next);
  };
  return (
    <div className="quantity">
      <label className="visually-hidden" htmlFor={id}>
        Quantity of {name}
      </label>
      <button
        type="button"
        aria-label={`One ${name} less`}
        disabled={value <= min}
        onClick={() => onChange(value - 1)}
      >
        −
      </button>
      <input
        id={id}
        inputMode="numeric"
        pattern="[0-9]*"
        maxLength={4}
        value={typed}
        onChange={(event: ChangeEvent<HTMLInputElement>) => setTyped(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit();
        }}
      />
      <button
        type="button"
        aria-label={`One ${name} more`}
        disabled={value >= MAX_QUANTITY}
        onClick={() => onChange(value + 1)}
      >
        +
      </button>
    </div>
  );
}
