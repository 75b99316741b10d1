import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { addressesQuery } from '../api/account.ts';
import type { Address, SavedAddress } from '../api/types.ts';

interface Props {
  /** Nothing was typed yet: the default is filled in. */
  readonly isUntouched: boolean;
  readonly onChoose: (address: Address) => void;
}

/** Addresses of the account, when its service is there and has some: otherwise the fields below are enough. */
export function AddressBook({ isUntouched, onChoose }: Props) {
  const { data } = useQuery({ ...addressesQuery, retry: false });
  const preferred = data?.items.find(({ isDefault }) => isDefault)?.address;
  const isOffered = useRef(false);
  useEffect(() => {
    if (!preferred || isOffered.current) return;
    isOffered.current = true; // once: who empties the fields wants them empty
    if (isUntouched) onChoose(preferred);
  }, [preferred, isUntouched, onChoose]);
  if (!data || data.items.length === 0) return null;
  return (
    <ul className="addresses">
      {byDefault(data.items)
        .slice(0, 4)
        .map(({ id, address }) => (
          <li key={id}>
            <button type="button" className="address" onClick={() => onChoose(address)}>
              <strong>{address.name}</strong>
              <span>{address.line1}</span>
              <span>
                {address.postalCode} {address.city}, {address.country}
              </span>
            </button>
          </li>
        ))}
    </ul>
  );
}

/** The default first, the others in the order of adding. */
export function byDefault(items: readonly SavedAddress[]): readonly SavedAddress[] {
  return items.toSorted((one, other) => Number(other.isDefault) - Number(one.isDefault));
}
