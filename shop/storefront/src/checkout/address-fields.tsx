import { useId } from 'react';
import { fieldWords } from '../api/field-words.ts';
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
  /** What the server refused, if anything. */
  readonly error?: unknown;
}

export function AddressFields({ value, onChange, error }: Props) {
  const id = useId();
  const countryError = fieldWords(error, 'country');
  return (
    <div className="fields address-fields">
      {FIELDS.map(({ name, ...field }) => (
        <Field
          key={name}
          {...field}
          name={name}
          required
          value={value[name]}
          onChange={(event) => onChange({ ...value, [name]: event.target.value })}
          error={fieldWords(error, name)}
        />
      ))}
      <div className="field">
        <label htmlFor={id}>Country</label>
        <select
          id={id}
          name="country"
          autoComplete="country"
          value={value.country}
          onChange={(event) => onChange({ ...value, country: event.target.value })}
        >
          {COUNTRIES.map((country) => (
            <option key={country} value={country}>
              {nameOfCountry(country)}
            </option>
          ))}
          <option value={REFUSED_COUNTRY}>Nowhere (the carrier refuses, for a test)</option>
        </select>
        {countryError && <p className="field-error">{countryError}</p>}
      </div>
    </div>
  );
}

const names = new Intl.DisplayNames('en', { type: 'region' });

export function nameOfCountry(country: string): string {
  return names.of(country) ?? country;
}

export const NO_ADDRESS: Address = { name: '', line1: '', city: '', postalCode: '', country: 'AT' };

export function trimmed(address: Address): Address {
  const entries = Object.entries(address).map(([name, text]) => [name, text.trim()]);
  return Object.fromEntries(entries) as unknown as Address;
}

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
