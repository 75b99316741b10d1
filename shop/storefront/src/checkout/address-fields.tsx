import type { FieldError } from '../api/request.ts';
import type { Address } from '../api/types.ts';
import { Field } from '../ui/field.tsx';
import { COUNTRIES, REFUSED_COUNTRY } from './cards.ts';

const FIELDS = [
  { name: 'name', label: 'Name', autoComplete: 'name', maxLength: 200 },
  { name: 'line1', label: 'Street and number', autoComplete: 'address-line1', maxLength: 200 },
  { name: 'postalCode', label: 'Postal code', autoComplete: 'postal-code', maxLength: 20 },
  { name: 'city', label: 'City', autoComplete: 'address-level2', maxLength: 100 },
] as const;

interface Props {
  readonly value: Address;
  readonly onChange: (address: Address) => void;
  readonly errors?: readonly FieldError[];
}

export function AddressFields({ value, onChange, errors = [] }: Props) {
  const errorOf = (name: string) => errors.find(({ path }) => path.endsWith(`/${name}`))?.message;
  return (
    <div className="fields">
      {FIELDS.map(({ name, ...field }) => (
        <Field
          key={name}
          {...field}
          name={name}
          required
          value={value[name]}
          onChange={(event) => onChange({ ...value, [name]: event.target.value })}
          error={errorOf(name)}
        />
      ))}
      <div className="field">
        <label htmlFor="country">Country</label>
        <select
          id="country"
          autoComplete="country"
          value={value.country}
          onChange={(event) => onChange({ ...value, country: event.target.value })}
        >
          {COUNTRIES.map((country) => (
            <option key={country} value={country}>
              {nameOf(country)}
            </option>
          ))}
          <option value={REFUSED_COUNTRY}>Nowhere (the carrier refuses, for a test)</option>
        </select>
        {errorOf('country') && <p className="field-error">{errorOf('country')}</p>}
      </div>
    </div>
  );
}

const names = new Intl.DisplayNames('en', { type: 'region' });

function nameOf(country: string): string {
  return names.of(country) ?? country;
}

export const NO_ADDRESS: Address = { name: '', line1: '', city: '', postalCode: '', country: 'AT' };

const DRAFT = 'fl-address';

/** What was typed survives a login and a reload, in this tab. */
export function readDraft(): Address {
  try {
    const found = JSON.parse(sessionStorage.getItem(DRAFT) ?? '{}') as Partial<Address>;
    const texts = Object.entries(NO_ADDRESS).map(([name, empty]) => {
      const text = found[name as keyof Address];
      return [name, typeof text === 'string' ? text : empty];
    });
    return Object.fromEntries(texts) as unknown as Address;
  } catch {
    return NO_ADDRESS;
  }
}

export function keepDraft(address: Address): void {
  sessionStorage.setItem(DRAFT, JSON.stringify(address));
}
