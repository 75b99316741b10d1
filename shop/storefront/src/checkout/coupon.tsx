import { type FormEvent, useState } from 'react';
import { Field } from '../ui/field.tsx';

interface Props {
  readonly applied: string | undefined;
  readonly error: string | undefined;
  readonly onApply: (coupon: string | undefined) => void;
}

const CODE = /^[A-Za-z0-9_-]{1,40}$/;

export function Coupon({ applied, error, onApply }: Props) {
  const [typed, setTyped] = useState(applied ?? '');
  const [isMalformed, setMalformed] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const code = typed.trim();
    setMalformed(code !== '' && !CODE.test(code));
    if (code === '' || CODE.test(code)) onApply(code === '' ? undefined : code.toUpperCase());
  };
  if (applied !== undefined && error === undefined)
    return (
      <p className="coupon-on" role="status">
        <span>
          Code <strong>{applied}</strong> is applied
        </span>
        <button type="button" className="link" onClick={() => onApply(undefined)}>
          Remove<span className="visually-hidden"> the code</span>
        </button>
      </p>
    );
  return (
    <form className="coupon" onSubmit={submit}>
      <Field
        label="Discount code"
        value={typed}
        maxLength={40}
        autoComplete="off"
        autoCapitalize="characters"
        onChange={(event) => setTyped(event.target.value)}
        error={isMalformed ? 'A code has letters, digits, - and _ only.' : error}
      />
      <button type="submit" className="button button-quiet">
        Apply
      </button>
    </form>
  );
}
